"""Writes ties.json: which tables of each class are one, and whether the class's default config ties them.

Made with transformers 5.24.0, from _tied_weights_keys and tie_word_embeddings of the classes with a projection to the
vocabulary. The source of the others comes first.
"""
import json
import os

import torch
import transformers
from transformers import AutoConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES as SEQ2SEQ

HERE = os.path.dirname(os.path.abspath(__file__))
DECODERS = """cohere cohere2 falcon gemma gemma2 gemma3 gemma3_text gpt2 gpt_neox granite llama mistral olmo2 olmo3 opt phi phi3 qwen2
qwen3 smollm3 starcoder2""".split()
ENCODERS = "albert bert camembert deberta deberta-v2 distilbert electra modernbert mpnet roberta xlm-roberta".split()
BOTH = "bart m2m_100 marian mbart mt5 pegasus t5 umt5".split()
out = {}
for types, names in (DECODERS, CAUSAL), (ENCODERS, MASKED), (BOTH, SEQ2SEQ):
    for t in types:
        cls = getattr(transformers, names[t])
        config = AutoConfig.for_model(t)
        with torch.device("meta"):  # no memory
            model = cls(AutoConfig.for_model(t, tie_word_embeddings=True))
        tables = {}
        for target, source in model.get_expanded_tied_weights_keys(all_submodels=True).items():
            if target.endswith(".weight"):
                tables.setdefault(source, []).append(target)
        # One class may tie a table to another that is tied again
        (source, targets), = [(s, x) for s, x in tables.items() if s not in sum(tables.values(), [])]
        for s, x in tables.items():
            if s != source:
                targets = targets + [y for y in x if y not in targets]
        out[t] = {"class": names[t], "default": bool(getattr(config, "tie_word_embeddings", False)),
                  "names": [source.removesuffix(".weight")] + sorted(x.removesuffix(".weight") for x in targets)}
for t in DECODERS + ENCODERS + BOTH:
    print(t, out[t])
with open(os.path.join(HERE, "ties.json"), "w") as f:
    f.write("{\n" + ",\n".join(json.dumps(k) + ": " + json.dumps(v) for k, v in out.items()) + "\n}\n")
