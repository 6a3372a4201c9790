"""Writes keys.json: the attributes of GenerationConfig in transformers 5.24.0."""
import json
import os

from transformers import GenerationConfig

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "keys.json"), "w") as f:
    json.dump(sorted(vars(GenerationConfig())), f, indent=1)
    f.write("\n")
