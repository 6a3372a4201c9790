"""Ids of conversations whose text spells out special tokens: with them as plain text (sanitize_control_tokens) and as tokens.

usage: pip install transformers==5.24.0 jinja2==3.1.6 sentencepiece protobuf tiktoken; python ids.py

Writes ids.json.gz here, from the tokenizer folders of ../../testdata/classes.
"""
import gzip, json, pathlib, sys

HERE = pathlib.Path(__file__).parent
CLASSES = HERE.parent.parent / "testdata" / "classes"
sys.path.insert(0, str(CLASSES))
import archive
from transformers import AutoTokenizer

CHATML = ("{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
          "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
MOVES = ("{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content | trim | replace('a', 'b') }}{{ eos_token }}{% for w in m.content.split('|') %}({{ w }})"
         "{% endfor %}{% for c in m.content[:6] %}{{ c }}.{% endfor %}{{ (m.content ~ 'x')[3:] | upper }}\n{% endfor %}"
         "{{ tools | tojson if tools }}{{ documents[0].text if documents }}")
PLAIN = "{% for m in messages %}{{ m.content }}{% endfor %}"


def conversations(token):
    t, half = token, token[: len(token) // 2]
    return [
        [{"role": "user", "content": "Hello there."}],
        [{"role": "user", "content": f"a{t}b"}, {"role": "assistant", "content": f"{t}{t} {t}\n{t}"}],
        [{"role": "user", "content": half}, {"role": "user", "content": token[len(token) // 2:]}],
        [{"role": "user", "content": f"  {t}  "}, {"role": "user", "content": f"x\U000f0000{t}\U000f0001y\U000f0000"}],
        [{"role": "user", "content": f"ü{t}|{t}|é<tool_call>{half}"}],
    ]


def main():
    cases = []
    with archive.folders(False) as root:
        for folder in ("qwen2", "qwen3_5", "llama3_published", "llama_published", "gemma", "mistral_spm", "phi3_published", "gpt2", "deepseek_v3", "bert", "xlmr"):
            tokenizer = AutoTokenizer.from_pretrained(f"{root}/{folder}")
            added = sorted((t for t in tokenizer.added_tokens_decoder.values()), key=lambda t: t.content)
            tokens = [t.content for t in added if t.special][:2] + [t.content for t in added if not t.special][:1]
            for template in (CHATML, MOVES, PLAIN):
                for token in tokens:
                    template_with = template + ("{{ '" + token + "' }}" if "'" not in token and "\n" not in token else "")
                    for messages in conversations(token):
                        tools = [{"type": "function", "function": {"name": "f", "description": f"does {token}", "parameters": {"type": "object", "properties": {}}}}]
                        given = dict(tools=tools, documents=[{"title": "T", "text": f"d{token}"}]) if template is MOVES else {}
                        case = dict(folder=folder, template=template_with, messages=messages, **given)
                        for name, sanitize in (("plain", True), ("tokens", False)):
                            try:
                                case[name] = tokenizer.apply_chat_template(messages, chat_template=template_with, sanitize_control_tokens=sanitize, return_dict=False, **given)
                            except ValueError as e:
                                case[name + "_error"] = str(e)
                        cases.append(case)
    data = json.dumps(cases, ensure_ascii=False)
    (HERE / "ids.json.gz").write_bytes(gzip.compress(data.encode(), 9, mtime=0))
    print(len(cases), sum("plain_error" in c for c in cases))


main()
