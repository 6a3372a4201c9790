"""Writes patterns.json.gz: what the reference matches, for random expressions and published ones. Run it with
tokenizers 0.23.3:

    python generate.py
"""

import gzip, json, os, random, sys
from tokenizers import Regex, pre_tokenizers
COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 250
PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "patterns.json.gz")
r=random.Random(5)
atoms=["a","b","é",".","\\s","\\S","\\d","\\w","\\W","\\p{L}","\\p{Lu}","\\P{L}","\\p{^N}","[a-c]","[^ab]","[a-z&&[^b]]","[[ab][é1]]","[\\p{L}&&[^\\p{Lu}]]","[^\\s\\p{L}\\p{N}]","\\b","\\B","^","$","\\A","\\z","\\Z","(?=a)","(?!b)","(?<=a)","(?<!\\s)","(?<=ab|c)","'s","(?i:s)","(?i:[A-C])","\\n","[[:alpha:]]","[^[:space:]x]","[a\\-z]","[]a]","\\x{e9}","\\u00e9","(?>a+)","\\h","[&&]" ,"(?i:é|Σ)"]
q=["","","","","*","+","?","*?","+?","??","{2}","{1,2}","{2,}","{,2}","++","*+","?+","{1,2}+","{2}?","{1,3}?"]
def pat(d=0):
    n=r.randrange(1,4)
    s=""
    for _ in range(n):
        k=r.random()
        if k<0.2 and d<2:
            s+=r.choice(["(%s)","(?:%s)","(?>%s)","(?i:%s)","(?<n>%s)"])%pat(d+1)+r.choice(q)
        elif k<0.25 and d<2:
            s+="(?:%s|%s)"%(pat(d+1),pat(d+1))+r.choice(q)
        else:
            a=r.choice(atoms); s+=a+(r.choice(q) if not a.startswith(("^","$","\\A","\\z","\\Z","\\b","\\B","(?=","(?!","(?<")) else "")
    if d==0 and r.random()<0.3: s+="|"+pat(1)
    return s
texts=["a","ab ba","aab\nbé\n","É1 aBc's S","x y  z\t\n"," 12ab3","caabab'S","ßſs É","\n","a\n\n b","日本 1½ _-é","e\u0301 a"]
fixed=[r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
 r" ?[^(\s|[.,!?…。，、।۔،])]+", r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
 r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"]
out=[]
while len(out)<COUNT:
    p=fixed[len(out)] if len(out)<len(fixed) else pat()
    try: t=pre_tokenizers.Split(Regex(p),behavior="removed",invert=True)
    except Exception:  # the reference takes no repetition of a place, which is one here
        continue
    out.append([p,[[x for _,x in t.pre_tokenize_str(s)] for s in texts]])
with gzip.open(PATH, "wt", encoding="utf-8") as f:
    json.dump({"texts": texts, "cases": out}, f, ensure_ascii=False, separators=(",", ":"))
