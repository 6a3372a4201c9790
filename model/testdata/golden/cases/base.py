"""What a case is, of each kind."""

import dataclasses
import math
import re
import typing

import transformers

ABSENT = "absent"  # as the value of a key: the key is left out of the config


def without_absent(config: dict) -> dict:
    return {k: v for k, v in config.items() if v != ABSENT}


@dataclasses.dataclass
class Case:
    name: str
    family: str
    note: str
    config: dict
    contrasts: list = dataclasses.field(default_factory=list)  # changes of the config that must show
    faint: list = dataclasses.field(default_factory=list)  # the same, for changes that show less
    gains: dict = dataclasses.field(default_factory=dict)  # overrides of GAINS
    offsets: dict = dataclasses.field(default_factory=dict)  # of vectors, by the same part of the name
    rename: dict = dataclasses.field(default_factory=dict)  # parts of tensor names, as published
    drop_prefix: str = ""  # taken off the names of the tensors
    add_prefix: str = ""  # put before the names of the tensors
    extra_tensors: list = dataclasses.field(default_factory=list)  # (name, shape, constant value or None)
    without_tensors: list = dataclasses.field(default_factory=list)  # endings of names that the checkpoint lacks
    like: dict = dataclasses.field(default_factory=dict)  # a further tensor, and the one whose values it repeats
    idle: list = dataclasses.field(default_factory=list)  # endings of names of tensors that change nothing
    saved_config: bool = False  # the config is what save_pretrained writes, not what is written here
    attention: str = "eager"  # the reference's implementation of attention
    pads_at: list = dataclasses.field(default_factory=list)  # places that hold the padding id, though no padding
    reads_as: str = ""  # the model_type under which the reference knows the config's
    prediction: str = ""  # how names of tensors of the layer that predicts one token more begin
    unread: list = dataclasses.field(default_factory=list)  # parts of names of tensors that text does not reach
    matrix_norms: list = dataclasses.field(default_factory=list)  # modules whose matrix is a norm's weights

    # Of a kind: the spread of a weight matrix's output for input of spread 1, by the last part of its name but one or
    # by the two before the last, 1.2 for the others; modules whose rows are looked up; how much a faint contrast or a
    # tensor must show; endings of tensors that change nothing in any case.
    GAINS, TABLES = {}, ()
    faintest, always_idle = 2e-4, ()

    def __post_init__(self):
        self.config = without_absent(self.config)

    @property
    def text_config(self) -> dict:
        return self.config.get("text_config", self.config)

    def changed(self, config: dict, change: dict) -> dict:
        """The config with a change; a change of text_config is one within it."""
        change = dict(change)
        if isinstance(change.get("text_config"), dict):
            change["text_config"] = without_absent({**config["text_config"], **change["text_config"]})
        return without_absent({**config, **change})

    def runs(self, model):
        """What is run of the model that has been loaded."""
        return model

    def published(self, name: str) -> str:
        for old, new in self.rename.items():
            name = name.replace(old, new)
        return self.add_prefix + name.removeprefix(self.drop_prefix)

    def rule(self, name: str, shape: list) -> tuple[float, float]:
        """Offset and scale: activations and every layer's contribution to the residual stream come out around 1."""
        module, leaf = name.rsplit(".", 2)[-2:]
        if len(shape) == 1 or module in self.matrix_norms:
            return self.offsets.get(module, self.norm if leaf in ("weight", "gamma") else 0.0), 0.3
        gains = {**self.GAINS, **self.gains}
        gain = gains.get(".".join(name.split(".")[-3:-1]), gains.get(module, 1.2))
        return 0.0, float(f"{gain * math.sqrt(3 / self.fan_in(module, shape)):.5g}")

    @property
    def gemma(self) -> bool:
        """Norms multiply by 1 + weight, embeddings are multiplied by the root of the width."""
        return self.family.startswith("gemma")

    @property
    def norm(self) -> float:
        return 0.0 if self.gemma else 1.0

    def fan_in(self, module: str, shape: list) -> int:
        if module in self.TABLES and not self.gemma:
            return 1
        if self.family == "gpt2" and module.startswith("c_"):  # Conv1D is [in, out]
            return shape[0]
        return math.prod(shape[1:])


@dataclasses.dataclass
class DecoderCase(Case):
    rope_state: bool = False  # frequencies depend on the length, so a cached run may differ
    prompt: int = 40  # its length
    last: str = "final norm"  # what gives the last hidden state
    start: int = 0  # the position of the prompt's first token; it sees nothing before it

    GAINS = {"embed_tokens": 1.0, "wte": 0.3, "wpe": 0.3, "lm_head": 1.0, "q_proj": 1.5, "k_proj": 1.5, "qkv_proj": 1.5,
             "c_attn": 1.5, "o_proj": 1.5, "c_proj": 1.5, "down_proj": 1.5, "query_key_value": 1.5, "dense": 1.5,
             "dense_4h_to_h": 1.5, "out_proj": 1.5, "fc2": 1.5, "embed_in": 1.0, "word_embeddings": 1.0,
             "embed_positions": 0.3}
    TABLES = ("embed_tokens", "wte", "wpe", "embed_in", "word_embeddings", "embed_positions")
    model_class = transformers.AutoModelForCausalLM


@dataclasses.dataclass
class MoeCase(DecoderCase):
    """A decoder with experts. Experts in one tensor are [experts, out, in], or [experts, in, out] if transposed."""

    transposed: bool = False
    uneven: float = 1.5  # the least mean of the largest by the smallest weight of a token's experts

    GAINS = {**DecoderCase.GAINS, "w2": 2.5, "down_proj": 2.5, "output_linear": 2.5, "gate": 2.0, "router": 2.0,
             "router.layer": 2.0}

    def rule(self, name: str, shape: list) -> tuple[float, float]:
        if name.endswith("_bias"):
            return 0.0, 0.3
        return super().rule(name if len(shape) < 3 else name.removesuffix(".weight") + ".weight", shape)

    def fan_in(self, module: str, shape: list) -> int:
        if len(shape) == 3:
            return shape[1 if self.transposed else 2]
        return super().fan_in(module, shape)


def decoder(base: dict, name: str, note: str, contrasts: list, more: dict | None = None, **rest) -> DecoderCase:
    return DecoderCase(name, base["model_type"], note, {**base, **(more or {})}, contrasts, **rest)


def decoders(prefix: str, base: dict, kind=DecoderCase, **shared):
    """Makes cases of one family of decoders."""
    def make(name, note, contrasts, more=None, **rest):
        return kind(f"{prefix}-{name}", base["model_type"], note, {**base, **(more or {})}, contrasts,
                    **{**shared, **rest})
    return make


@dataclasses.dataclass
class EncoderCase(Case):
    lengths: list = dataclasses.field(default_factory=lambda: [5, 17, 40])  # of the three sequences
    segments: int = 0  # segment ids in use; 0 and 1: none are given
    pad_id: int = 0
    final_norm: bool = False  # the last hidden state is that of a norm after the last layer
    arguments: dict = dataclasses.field(default_factory=dict)  # of the reference's forward pass

    GAINS = {"position_embeddings": 0.7, "token_type_embeddings": 0.7, "query": 1.7, "key": 1.7, "q_lin": 1.7,
             "k_lin": 1.7, "q": 1.7, "k": 1.7, "query_proj": 1.7, "key_proj": 1.7, "in_proj": 1.7, "pos_proj": 1.7,
             "pos_q_proj": 1.7, "pos_key_proj": 1.7, "pos_query_proj": 1.7, "Wqkv": 1.7}
    TABLES = ("relative_attention_bias", "shared", "embed_tokens")  # besides those named …embeddings
    always_idle = ("key.bias", "k_lin.bias", ".k.bias", "key_proj.bias", "pos_key_proj.bias")

    @property
    def model_class(self):
        """The class that architectures names, or the bare model."""
        return getattr(transformers, self.config.get("architectures", ["AutoModel"])[0])

    @property
    def choice(self) -> bool:
        return self.config.get("architectures", [""])[0].endswith("ForMultipleChoice")

    def fan_in(self, module: str, shape: list) -> int:
        return 1 if module.endswith("embeddings") else super().fan_in(module, shape)


def encoders(prefix: str, base: dict, **shared):
    """Makes cases of one family of encoders; head is the architecture."""
    def make(name, head, note, contrasts, more=None, **rest):
        config = {"architectures": [head], **base, **(more or {})}
        return EncoderCase(f"{prefix}-{name}", base["model_type"], note, config, contrasts, **{**shared, **rest})
    return make


def labels(n: int) -> dict:
    """The config's keys for n labels; num_labels is not a key of the file."""
    return {"id2label": {str(i): f"LABEL_{i}" for i in range(n)}, "label2id": {f"LABEL_{i}": i for i in range(n)}}


EOS = "eos"  # in a config: the id of the end, chosen so that texts really end


@dataclasses.dataclass
class Seq2SeqCase(Case):
    generations: list = dataclasses.field(default_factory=lambda: ["greedy", "beams", "beams several"])
    lengths: list = dataclasses.field(default_factory=lambda: [4, 9, 14])  # of the sources
    targets: list = dataclasses.field(default_factory=lambda: [11, 9, 13])  # lengths of the decoder's inputs
    generation_config: dict | None = None  # the contents of the checkpoint's generation_config.json
    use_cache: bool = True  # False where the reference fails with a cache

    GAINS = {"shared": 1.5, "embed_tokens": 1.5, "lm_head": 1.8, "relative_attention_bias": 2.0,
             "embed_positions": 0.7, "q": 0.8, "k": 0.8, "o": 1.5, "EncDecAttention.o": 2.0, "wo": 4.0, "q_proj": 1.4,
             "k_proj": 1.4, "out_proj": 1.5, "encoder_attn.out_proj": 2.5, "fc1": 1.6, "fc2": 3.5}
    TABLES = ("shared", "embed_tokens", "embed_positions", "relative_attention_bias")
    faintest, always_idle = 1e-4, ("k_proj.bias", "c_attn.bias", "embed_positions.weights")
    model_class = transformers.AutoModelForSeq2SeqLM
    decoder_only = classifier = False
    LAST_NORM = re.compile(r"decoder\.(layers\.\d+\.)?(final_layer_norm|layer_norm)\.weight$"
                           r"|^model\.norm\.weight$|ln_f\.weight$")

    @property
    def prompt(self) -> int:
        """The length of the longest prompt, less one."""
        return max(self.lengths) - 1 if self.decoder_only else 0

    def rule(self, name: str, shape: list) -> tuple[float, float]:
        """The last norm's weights have both signs, or a tied head would repeat the last token for ever."""
        if self.LAST_NORM.search(name):
            return self.norm - 1.0, 1.7
        if name == "final_logits_bias":
            return 0.0, 0.6
        return super().rule(name, shape)


@dataclasses.dataclass
class BeamCase(Seq2SeqCase):
    """A decoder alone, for its beams."""

    GAINS, TABLES = DecoderCase.GAINS, DecoderCase.TABLES
    model_class = transformers.AutoModelForCausalLM
    decoder_only = True


@dataclasses.dataclass
class ClassifierCase(Seq2SeqCase):
    """An encoder–decoder with a head for sequences, which reads the decoder's state at the last end token."""

    ends: int = 1  # end tokens of each source

    classifier = True

    @property
    def model_class(self):
        return getattr(transformers, self.config["architectures"][0])


def encoder_decoders(prefix: str, base: dict, kind=Seq2SeqCase, **shared):
    """Makes cases of one family of encoder–decoders."""
    def make(name, note, contrasts, more=None, **rest):
        return kind(f"{prefix}-{name}", base["model_type"], note, {**base, **(more or {})}, contrasts,
                    **{**shared, **rest})
    return make


@dataclasses.dataclass
class TowerCase(Case):
    """A tower of pictures or of texts, or both."""

    sizes: list = dataclasses.field(default_factory=list)  # height and width of each picture
    lengths: list = dataclasses.field(default_factory=list)  # of the texts
    masked: bool = False  # texts have an attention mask
    ends: typing.Callable = lambda ids, config: ids  # of random ids, as the tokenizer would end and pad them

    GAINS = {"q_proj": 1.7, "k_proj": 1.7, "query": 1.7, "key": 1.7, "position_embedding": 0.7, "token_embedding": 1.0,
             "position_embeddings": 0.7, "token_type_embeddings": 0.7, "word_embeddings": 1.0}
    TABLES = ("position_embedding", "token_embedding", "position_embeddings", "token_type_embeddings",
              "word_embeddings")
    ROWS = ("cls_token", "distillation_token", "position_embeddings", "register_tokens", "class_embedding", "probe")
    always_idle = ("k_proj.bias", "key.bias", "mask_token")

    def pad(self, config: dict) -> int:
        return config["pad_token_id"]

    @property
    def model_class(self):
        return getattr(transformers, self.config["architectures"][0])

    @property
    def image_config(self) -> dict:
        return self.config.get("vision_config", self.config)

    def rule(self, name: str, shape: list) -> tuple[float, float]:
        leaf = name.split(".")[-1]
        if leaf in self.ROWS:
            return 0.0, 1.2
        if leaf == "logit_scale":
            return 1.5, 0.0
        if leaf == "logit_bias":
            return -2.0, 0.0
        if leaf == "lambda1":
            return 0.8, 0.3
        if leaf == "in_proj_bias":
            return 0.0, 0.3
        return super().rule(name, shape)
