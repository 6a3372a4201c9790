"""Encoders of the BERT form with random weights, for rivals.py: as transformers runs them, and as graphs of ONNX Runtime.

A graph has the operations that ONNX Runtime's own optimizer (onnxruntime.transformers.optimizer) leaves of an exported
BERT, in which attention, its bias and its mask are one operation, and so are a sum and the norm after it. The 8-bit form
is that of onnxruntime.quantization.quantize_dynamic: weights are int8, and each product rounds its input to uint8 by the
range of that input.
"""

import os

SHAPES = {  # of all-MiniLM-L6-v2 and BERT base, as benchmarks/embed_test.go has them
    "minilm-l6": dict(hidden_size=384, intermediate_size=1536, num_hidden_layers=6, num_attention_heads=12),
    "bert-base": dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12),
}
VOCAB = 30522

# Batches, as lengths of their texts: those of equal lengths, and a mixed one of 16 to 112 tokens.
BATCHES = {f"{n}x{t}": [t] * n for n, t in (
    (1, 16), (1, 128), (1, 512), (8, 16), (8, 128), (8, 512), (32, 16), (32, 32), (32, 128), (256, 32))}
BATCHES["mixed"] = [16 + i * 37 % 97 for i in range(64)]


def ids(lengths):
    """The ids of a batch, padded with 0."""
    import numpy as np

    out = np.zeros((len(lengths), max(lengths)), np.int32)
    for row, n in enumerate(lengths):
        out[row, :n] = (1 + np.arange(n) * 7919 + row) % VOCAB
    return out


def reference(name):
    """The model of transformers."""
    import torch
    import transformers

    torch.manual_seed(1)
    config = transformers.BertConfig(vocab_size=VOCAB, max_position_embeddings=512, attn_implementation="eager", **SHAPES[name])
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    for key, p in model.named_parameters():
        p.requires_grad_(False)
        if p.dim() > 1:
            p.normal_(std=1 if "embeddings" in key else p.shape[1] ** -0.5)  # so that every layer shows in the output
        else:
            p.uniform_(-0.1, 0.1).add_(1 if key.endswith("LayerNorm.weight") else 0)
    return model


def graph(model, masked):
    """The model as an ONNX graph: input_ids [B, T] and, if masked, lengths [B] give hidden [B, T, Dim]."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    c, state = model.config, {k: v.numpy() for k, v in model.state_dict().items()}
    nodes, weights = [], []

    def const(name, value):
        weights.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        return name

    def node(op, inputs, output, domain="com.microsoft", **attributes):
        nodes.append(helper.make_node(op, inputs, [output], domain=domain, **attributes))
        return output

    def linear(x, name, output):
        return node("MatMul", [x, const(name + ".weight", state[name + ".weight"].T)], output, domain="")

    def norm(name):
        return [const(f"{name}.{part}", state[f"{name}.{part}"]) for part in ("weight", "bias")]

    def residual(x, y, name, output):
        """The norm of x and y and the bias of the layer name.dense."""
        return node("SkipLayerNormalization", [y, x, *norm(name + ".LayerNorm"), const(name + ".dense.bias", state[name + ".dense.bias"])],
                    output, epsilon=c.layer_norm_eps)

    # All texts have type 0, whose row is added to the positions here.
    positions = state["embeddings.position_embeddings.weight"] + state["embeddings.token_type_embeddings.weight"][0]
    nodes.append(helper.make_node(
        "EmbedLayerNormalization",
        ["input_ids", "", const("words", state["embeddings.word_embeddings.weight"]), const("positions", positions), "", *norm("embeddings.LayerNorm")],
        ["x", "mask_index"], domain="com.microsoft", epsilon=c.layer_norm_eps))
    x = "x"
    for i in range(c.num_hidden_layers):
        layer = f"encoder.layer.{i}."
        parts = [f"{layer}attention.self.{part}" for part in ("query", "key", "value")]
        qkv = const(layer + "qkv", np.concatenate([state[p + ".weight"].T for p in parts], axis=1))
        bias = const(layer + "qkv.bias", np.concatenate([state[p + ".bias"] for p in parts]))
        heads = node("Attention", [x, qkv, bias] + (["lengths"] if masked else []), layer + "heads", num_heads=c.num_attention_heads)
        y = linear(heads, layer + "attention.output.dense", layer + "projected")
        x = residual(x, y, layer + "attention.output", layer + "attended")
        up = linear(x, layer + "intermediate.dense", layer + "up")
        up = node("BiasGelu", [up, const(layer + "up.bias", state[layer + "intermediate.dense.bias"])], layer + "activated")
        down = linear(up, layer + "output.dense", layer + "down")
        x = residual(x, down, layer + "output", "hidden" if i == c.num_hidden_layers - 1 else layer + "out")
    inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT32, ["batch", "tokens"])]
    if masked:
        inputs.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]))
    outputs = [helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["batch", "tokens", c.hidden_size])]
    return helper.make_model(helper.make_graph(nodes, "encoder", inputs, outputs, weights), ir_version=8,
                             opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)])


def files(folder, name):
    """The paths of the graphs of an encoder by (form, masked), which are made if they are not there."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    os.makedirs(folder, exist_ok=True)
    paths = {(form, masked): os.path.join(folder, f"{name}-{form}{'-masked' if masked else ''}.onnx")
             for masked in (False, True) for form in ("f32", "int8")}
    if not all(map(os.path.exists, paths.values())):
        model = reference(name)
        for masked in (False, True):
            whole = paths["f32", masked]
            onnx.save(graph(model, masked), whole)
            quantize_dynamic(whole, paths["int8", masked], weight_type=QuantType.QInt8,
                             extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})
    return paths


class Encoder:
    """One graph in ONNX Runtime, for texts of equal lengths, or masked."""

    def __init__(self, path, masked, threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.masked = masked

    def __call__(self, lengths):
        """Returns what encodes a batch."""
        import numpy as np

        inputs = {"input_ids": ids(lengths)}
        if self.masked:
            inputs["lengths"] = np.array(lengths, np.int32)
        return lambda: self.session.run(["hidden"], inputs)[0]


def differences(folder, name, threads):
    """Yields, for some batches and both forms, the largest difference from transformers, and its largest value."""
    import numpy as np
    import torch

    model = reference(name)
    paths = files(folder, name)
    for batch, lengths in {"2x16": [16] * 2, "1x200": [200], "mixed": [7, 40, 1, 23]}.items():
        x = ids(lengths)
        mask = np.arange(x.shape[1]) < np.array(lengths)[:, None]
        want = model(torch.from_numpy(x), attention_mask=torch.from_numpy(mask)).last_hidden_state.numpy()
        masked = len(set(lengths)) > 1
        for form in ("f32", "int8"):
            got = Encoder(paths[form, masked], masked, threads)(lengths)()
            yield f"{batch}/{form}", np.abs(got - want)[mask].max(), np.abs(want[mask]).max()
