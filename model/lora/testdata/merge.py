"""Small models and LoRA adapters, and the logits that peft gives with them: merged, or where the adapter changes a table
that is tied, running, which is what was trained.

    pip install -r requirements.txt
    python merge.py            # writes *.json.gz beside this file
"""

import gzip
import json
import pathlib
import sys
import tempfile

import peft
import safetensors.torch
import torch
import transformers
from transformers import (AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForQuestionAnswering, AutoModelForSeq2SeqLM,
                          AutoModelForSequenceClassification, AutoModelForTokenClassification, BartConfig, BertConfig, GPT2Config,
                          LlamaConfig, Qwen2Config, T5Config)

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "testdata" / "golden"))
from kinds.reference import check_versions, formula, pack, quiet, text  # noqa: E402

SEED = 5
IDS = [3, 1, 4, 15, 9, 2, 6]
SMALL = dict(vocab_size=24, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=20, max_position_embeddings=32)
LLAMA = dict(SMALL, num_key_value_heads=1, tie_word_embeddings=False)

llama = lambda **k: LlamaConfig(**LLAMA | k)
qwen2 = lambda **k: Qwen2Config(**LLAMA | k)
gpt2 = lambda **k: GPT2Config(vocab_size=24, n_embd=16, n_layer=2, n_head=2, n_positions=32, **k)
t5 = lambda: T5Config(vocab_size=24, d_model=16, d_kv=8, d_ff=20, num_layers=2, num_heads=2, feed_forward_proj="gated-gelu")
bart = lambda: BartConfig(vocab_size=24, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
    decoder_attention_heads=2, encoder_ffn_dim=20, decoder_ffn_dim=20, max_position_embeddings=32, pad_token_id=1, bos_token_id=0,
    eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=2)
bert = lambda **k: BertConfig(**SMALL, type_vocab_size=2, **k)
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def lora(**k):
    return k


CAUSAL, CLASSIFY, MASKED, BODY = AutoModelForCausalLM, AutoModelForSequenceClassification, AutoModelForMaskedLM, AutoModel
TOKENS, ANSWERS, SEQ2SEQ = AutoModelForTokenClassification, AutoModelForQuestionAnswering, AutoModelForSeq2SeqLM

# name: (config, class that is saved as the base, class that is trained, adapters)
CASES = {
    "plain": (llama(), CAUSAL, CAUSAL, [lora(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")]),
    "all-linear": (llama(), CAUSAL, CAUSAL, [lora(r=2, lora_alpha=3, target_modules="all-linear")]),
    "rslora": (llama(), CAUSAL, CAUSAL, [lora(r=4, lora_alpha=5, use_rslora=True, target_modules=ALL)]),
    "patterns": (llama(), CAUSAL, CAUSAL, [lora(r=4, lora_alpha=4, target_modules=ALL, use_rslora=True,
        rank_pattern={"q_proj": 2, "layers.1.self_attn.v_proj": 6, r"layers\.0\..*_proj": 3, "^model.layers.1.mlp.up_proj": 5},
        alpha_pattern={"layers.0.self_attn.q_proj": 1, "q_proj": 9, "mlp.(gate|up)_proj": 12})]),
    "dora": (llama(), CAUSAL, CAUSAL, [lora(r=4, lora_alpha=6, use_dora=True, target_modules=ALL)]),
    "expression": (llama(), CAUSAL, CAUSAL, [lora(r=4, target_modules=r".*layers\.1\.(self_attn|mlp)\.(q|up|down)_proj")]),
    "lookaround": (llama(), CAUSAL, CAUSAL, [lora(r=4, target_modules=r"^(model)(?!.*(lm_head|v_proj)).*(q_proj|v_proj)$")]),
    "layers": (llama(), CAUSAL, CAUSAL, [lora(r=4, target_modules=["q_proj", "up_proj"], layers_to_transform=[1])]),
    "layers-pattern": (llama(), CAUSAL, CAUSAL, [lora(r=4, target_modules=["q_proj"], layers_to_transform=0, layers_pattern="layers")]),
    "exclude": (llama(), CAUSAL, CAUSAL, [lora(r=4, target_modules=["q_proj", "v_proj"], exclude_modules=["layers.0.self_attn.v_proj"])]),
    "tables": (llama(), CAUSAL, CAUSAL, [lora(r=4, lora_alpha=3, target_modules=["embed_tokens", "lm_head", "q_proj"])]),
    "tables-dora": (llama(), CAUSAL, CAUSAL, [lora(r=4, lora_alpha=3, use_dora=True, target_modules=["embed_tokens", "lm_head"])]),
    "tied-words": (llama(tie_word_embeddings=True), CAUSAL, CAUSAL, [lora(r=4, lora_alpha=3, target_modules=["embed_tokens", "v_proj"])]),
    "tied-head": (llama(tie_word_embeddings=True), CAUSAL, CAUSAL, [lora(r=4, lora_alpha=3, target_modules=["lm_head", "v_proj"])]),
    "tied-both": (llama(tie_word_embeddings=True), CAUSAL, CAUSAL, [lora(r=4, lora_alpha=3, target_modules=["lm_head", "embed_tokens"])]),
    "tied-saved": (llama(tie_word_embeddings=True), CAUSAL, CAUSAL, [lora(r=4, target_modules=["q_proj"], modules_to_save=["embed_tokens"])]),
    "tied-saved-both": (llama(tie_word_embeddings=True), CAUSAL, CAUSAL, [lora(r=4, target_modules=["q_proj"], modules_to_save=["embed_tokens", "lm_head"])]),
    "saved-norms": (llama(), CAUSAL, CAUSAL, [lora(r=4, target_modules=["q_proj"], modules_to_save=["input_layernorm", "norm", "lm_head"])]),
    "bias-all": (qwen2(), CAUSAL, CAUSAL, [lora(r=4, target_modules=["q_proj"], bias="all")]),
    "bias-lora-only": (qwen2(), CAUSAL, CAUSAL, [lora(r=4, target_modules=["q_proj"], bias="lora_only")]),
    "lora-bias": (qwen2(), CAUSAL, CAUSAL, [lora(r=4, target_modules=["q_proj", "v_proj"], lora_bias=True)]),
    "gpt2": (gpt2(), CAUSAL, CAUSAL, [lora(r=4, lora_alpha=5, target_modules=["c_attn", "c_proj", "c_fc"], fan_in_fan_out=True)]),
    "gpt2-dora": (gpt2(), CAUSAL, CAUSAL, [lora(r=4, lora_alpha=5, use_dora=True, target_modules=["c_attn", "c_proj"])]),
    "gpt2-tables": (gpt2(), CAUSAL, CAUSAL, [lora(r=4, lora_alpha=5, target_modules=["wte", "wpe"])]),
    "gpt2-body": (gpt2(), BODY, CAUSAL, [lora(r=4, lora_alpha=5, target_modules=["c_attn"])]),
    "bert-classifier": (bert(), BODY, CLASSIFY, [lora(r=4, target_modules=["query", "value"], task_type="SEQ_CLS")]),
    "bert-tokens": (bert(), MASKED, TOKENS, [lora(r=4, target_modules=["query", "value"], task_type="TOKEN_CLS")]),
    "bert-answers": (bert(), MASKED, ANSWERS, [lora(r=4, target_modules=["query", "value"], task_type="QUESTION_ANS")]),
    "bert-bias": (bert(num_labels=3), CLASSIFY, CLASSIFY, [lora(r=4, target_modules=["query"], bias="all", task_type="SEQ_CLS")]),
    "bert-words": (bert(), MASKED, MASKED, [lora(r=4, target_modules=["word_embeddings", "query"])]),
    "bert-body": (bert(), BODY, BODY, [lora(r=4, use_dora=True, target_modules=["query", "dense", "word_embeddings"])]),
    "t5": (t5(), SEQ2SEQ, SEQ2SEQ, [lora(r=4, lora_alpha=6, target_modules=["q", "v", "wo"], task_type="SEQ_2_SEQ_LM")]),
    "t5-tables": (t5(), SEQ2SEQ, SEQ2SEQ, [lora(r=4, target_modules=["embed_tokens", "q"])]),
    "t5-encoder": (t5(), SEQ2SEQ, SEQ2SEQ, [lora(r=4, target_modules=["encoder.embed_tokens"])]),
    "t5-head": (t5(), SEQ2SEQ, SEQ2SEQ, [lora(r=4, target_modules=["lm_head"])]),
    "bart-tables": (bart(), SEQ2SEQ, SEQ2SEQ, [lora(r=4, target_modules=["decoder.embed_tokens", "lm_head", "fc1"])]),
    "llama-classifier": (llama(), CAUSAL, CLASSIFY, [lora(r=4, target_modules=["q_proj"], task_type="SEQ_CLS")]),
    "several": (llama(), CAUSAL, CAUSAL, [lora(r=4, lora_alpha=4, target_modules=["q_proj", "v_proj"]),
        lora(r=2, lora_alpha=3, use_dora=True, target_modules=["v_proj", "up_proj"]),
        lora(r=2, use_rslora=True, target_modules=["q_proj", "embed_tokens"])]),
}
RUNNING = ("tied-words", "tied-head", "tied-both", "tied-saved", "tied-saved-both", "gpt2-tables", "bert-words", "t5-tables", "t5-encoder", "t5-head", "bart-tables")


def rule(name: str) -> tuple[float, float]:
    if "magnitude" in name or "norm" in name.lower() and name.endswith("weight") or ".ln_" in name and name.endswith("weight"):
        return 1.0, 0.3
    return 0.0, 0.5


def fill(path: pathlib.Path, seed: int, tied: bool = False) -> dict:
    """Gives the tensors of a file their values, and returns what they are. With tied, tables below adapters are one."""
    file = next(path.glob("*model.safetensors"))
    tensors, table = {}, None
    for name, value in sorted(safetensors.torch.load_file(file).items()):
        offset, scale = rule(name)
        tensors[name] = {"shape": list(value.shape), "offset": offset, "scale": scale}
        if tied and name.endswith(".base_layer.weight"):
            table = table or name
            tensors[name]["like"] = table
    weights = {n: formula(seed, t.get("like", n), t["shape"], t["offset"], t["scale"]) for n, t in tensors.items()}
    safetensors.torch.save_file(weights, file, {"format": "pt"})
    return tensors


def answer(model) -> torch.Tensor:
    """The logits, of the encoder–decoder for the target 0 and IDS; start and end of a reader; or the last hidden states."""
    ids = torch.tensor([IDS])
    if model.config.is_encoder_decoder:
        return model.eval()(input_ids=ids, decoder_input_ids=torch.tensor([[0, *IDS]])).logits[0]
    out = model.eval()(ids)
    if hasattr(out, "start_logits"):
        return torch.stack([out.start_logits[0], out.end_logits[0]], dim=1)
    return (out.logits if hasattr(out, "logits") else out.last_hidden_state)[0]


def make(name: str, config, saved, trained, adapters) -> dict:
    with tempfile.TemporaryDirectory() as tmp:
        root = pathlib.Path(tmp)
        saved.from_config(config).save_pretrained(root / "base")
        tensors = fill(root / "base", SEED)
        base_config = json.loads((root / "base" / "config.json").read_text())
        files = []
        for i, settings in enumerate(adapters):
            torch.manual_seed(i)
            model = peft.get_peft_model(trained.from_pretrained(root / "base", **extra(trained)), peft.LoraConfig(**settings))
            model.save_pretrained(root / f"{i}")
            file = root / f"{i}" / "adapter_config.json"
            patterns = {k: v for k, v in settings.items() if k.endswith("_pattern")}  # saved in another order, which counts
            written = json.loads(file.read_text())
            written |= {k: sorted(v) for k, v in written.items() if isinstance(v, list)}  # of a set
            written |= patterns | {"base_model_name_or_path": "base"}
            file.write_text(json.dumps(written))
            files.append({"config": written, "tensors": fill(root / f"{i}", SEED + 1 + i, config.tie_word_embeddings)})
        model = trained.from_pretrained(root / "base", dtype=torch.float32, **extra(trained))
        bare = answer(model)
        for i in range(len(adapters)):
            running = peft.PeftModel.from_pretrained(model, root / f"{i}")
            want = answer(running)
            model = running.merge_and_unload()
        merged = answer(model)
        if name not in RUNNING:
            if len(adapters) == 1 and not torch.allclose(want, merged, rtol=1e-3, atol=1e-4):
                raise ValueError(f"{name}: running and merged differ by {(want - merged).abs().max()}")
            want = merged
        print(f"{name}: the adapter changes {(want - bare).abs().max():.2g} of {bare.abs().max():.2g}; merged and wanted differ by {(want - merged).abs().max():.2g}")
    return {"config": base_config, "seed": SEED, "tensors": tensors, "adapters": files, "ids": IDS, "want": pack(want)}


def extra(trained) -> dict:
    return {"num_labels": 3} if trained in (CLASSIFY, TOKENS) else {}


def main():
    check_versions(HERE / "requirements.txt")
    quiet()
    for name, case in CASES.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        (HERE / f"{name}.json.gz").write_bytes(gzip.compress(text(make(name, *case)).encode(), mtime=0))


main()
