"""Writes odd.json.gz: tokenizer.json files whose parts seldom meet, and what tokenizers 0.23.3 makes of them:

    python generate_odd.py
"""

import gzip,json,os

from tokenizers import Tokenizer
def T(**parts):
    d={"version":"1.0","truncation":None,"padding":None,"added_tokens":[],"normalizer":None,"pre_tokenizer":None,"post_processor":None,"decoder":None,
       "model":{"type":"BPE","dropout":None,"unk_token":"<unk>","continuing_subword_prefix":None,"end_of_word_suffix":None,"fuse_unk":False,"byte_fallback":False,"ignore_merges":False,
         "vocab":{"<unk>":0,"a":1,"b":2,"▁":3," ":4,"n":5,"e":6,"w":7,"N":8,"A":9,"é":10},"merges":[]}}
    d.update(parts); return json.dumps(d,ensure_ascii=False)
def tok(id,c,**k): return {"id":id,"content":c,"single_word":False,"lstrip":False,"rstrip":False,"normalized":False,"special":False,**k}
low={"type":"Lowercase"}
docs={
 "fold": T(normalizer=low,added_tokens=[tok(20,"New",normalized=True),tok(25,"éA",normalized=True,special=True)]),
 "gaps": T(added_tokens=[tok(20,"xx"),tok(1,"a"),tok(30,"yy"),tok(12,"zz")]),
 "space": T(added_tokens=[tok(11," new",normalized=True),tok(12," aa")],pre_tokenizer={"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":True}),
 "first": T(added_tokens=[tok(11,"<m>",special=True)],pre_tokenizer={"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":True}),
 "first_norm": T(added_tokens=[tok(11,"<m>",special=True,normalized=True)],normalizer={"type":"Strip","strip_left":True,"strip_right":False},pre_tokenizer={"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":True}),
 "first_seq": T(added_tokens=[tok(11,"<m>",special=True)],pre_tokenizer={"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":True}]}),
 "first_prepend": T(normalizer={"type":"Prepend","prepend":"b"},added_tokens=[tok(11,"<m>",special=True)],pre_tokenizer={"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":False}),
 "bytes": T(model={"type":"BPE","dropout":None,"unk_token":"<unk>","continuing_subword_prefix":None,"end_of_word_suffix":None,"fuse_unk":True,"byte_fallback":True,"ignore_merges":False,"vocab":{"<unk>":0,"a":1,"<0xC3>":2,"<0xA9>":3,"<0x62>":4},"merges":[]},decoder={"type":"ByteFallback"}),
 "bytes_unigram": T(model={"type":"Unigram","unk_id":0,"byte_fallback":True,"vocab":[["<unk>",0],["a",-1],["<0xC3>",-9],["<0xA9>",-9],["<0x62>",-9],["b<0x62>",-3]]},decoder={"type":"ByteFallback"}),
 **{"marks_" + f: T(normalizer={"type": f}, model={"type":"WordLevel","unk_token":"<unk>","vocab":{"<unk>":0,"\u0301":1,"\u0323":2,"a":3,"\u00e1":4,"\u1ea1":5,"\u0308":6,"\u034f":7,"b":8,"\u0344":9}},
    pre_tokenizer={"type":"FixedLength","length":1}) for f in ["NFC", "NFD", "NFKC", "NFKD"]},
 "replace_empty": T(normalizer={"type":"Replace","pattern":{"String":""},"content":"b"}),
 "replace_empty2": T(normalizer={"type":"Replace","pattern":{"Regex":"n*"},"content":"b"},decoder={"type":"Replace","pattern":{"Regex":"n*"},"content":"-"}),
 "replace_empty3": T(decoder={"type":"Replace","pattern":{"String":""},"content":"-"}),
 "byte_added": T(pre_tokenizer={"type":"ByteLevel","add_prefix_space":True,"trim_offsets":True,"use_regex":True},added_tokens=[tok(11," é",normalized=True),tok(12,"éa",normalized=False),tok(13,"Ġb",normalized=False)],decoder={"type":"ByteLevel","add_prefix_space":True,"trim_offsets":True,"use_regex":True},post_processor={"type":"ByteLevel","add_prefix_space":True,"trim_offsets":True,"use_regex":True}),
}
texts=["","a","New new NEW nEw","a New éa ÉA b","xx yy zz a","a new aa b","<m>a b<m> a <m>"," <m> a","<m> <m>b","b <m>a","  a  b","é","ab é ü b\u00e9","a"+"\u0301"*40+"b","a"+"\u0301\u0323"*33+"é","\u0344"*31,"anna éa é Ġb é b", "<m>","a<m>"," a<m> b"]
out={}
for n,d in docs.items():
    try: t=Tokenizer.from_str(d)
    except Exception as e: print(n,e); continue
    r=[]
    for s in texts:
        e=t.encode(s)
        at=[0]
        for c in s: at.append(at[-1]+len(c.encode()))
        r.append({"text":s,"ids":e.ids,"offsets":[[at[a],at[b]] for a,b in e.offsets],"decoded":t.decode(e.ids,skip_special_tokens=False)})
    out[n]={"doc":json.loads(d),"cases":r}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "odd.json.gz"),"wb") as f:
    f.write(gzip.compress(json.dumps(out,ensure_ascii=False,separators=(",",":")).encode(),mtime=0))
