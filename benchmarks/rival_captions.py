"""One caption of 20 tokens of a picture of 384x384 pixels, by a BLIP base with random weights, for rivals.py: as
transformers runs it, whose attention to patches is plain matrix products. benchmarks/caption_test.go has the same."""

import statistics
import time

TOKENS = 20


def system(bench):
    import torch
    import transformers

    print(f"# transformers {transformers.__version__}, torch {torch.__version__}")
    torch.set_num_threads(bench.threads)
    torch.set_grad_enabled(False)
    torch.manual_seed(1)
    shape = dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
    config = transformers.BlipConfig(text_config={**shape, "vocab_size": 30524},
                                     vision_config={**shape, "image_size": 384, "patch_size": 16})
    model = transformers.BlipForConditionalGeneration(config).eval()
    pixels = (torch.arange(3 * 384 * 384) % 255 / 128 - 1).float().reshape(1, 3, 384, 384)

    def tower():
        return model.vision_model(pixel_values=pixels).last_hidden_state

    def whole():
        ids = model.generate(pixel_values=pixels, min_new_tokens=TOKENS, max_new_tokens=TOKENS)
        assert ids.shape[1] == 1 + TOKENS, ids.shape

    if bench.wants("Caption/tower"):
        bench("Caption/tower", tower, 0, "x")
    if not bench.wants("Caption/whole"):
        return
    whole()
    towers, wholes, start = [], [], time.perf_counter()
    while len(wholes) < 3 or time.perf_counter() - start < bench.seconds:
        for run, times in ((tower, towers), (whole, wholes)):
            begin = time.perf_counter()
            run()
            times.append(time.perf_counter() - begin)
    a, b = statistics.median(towers), statistics.median(wholes)
    bench.line("Caption/whole", len(wholes), b, f"{a * 1e3:.4g} ms-tower\t{(b - a) * 1e3:.4g} ms-decoding")
