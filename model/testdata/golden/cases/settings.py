"""The settings that texts are generated with.

Each makes the variants to try, the first that serves is kept. c knows the texts found so far: c.common(n) is the nth
most frequent token of the beams' texts, c.pair(n) the nth most frequent pair, c.rare a token outside of them, c.prompt
the length of the longest prompt, less one, 0 for encoder–decoders, c.one_beam what makes the checkpoint greedy.
"""

GENERATIONS = {
    "greedy": lambda c: [{**c.one_beam, "max_new_tokens": n} for n in (14, 18, 10)],
    "greedy rules": lambda c: [
        {**c.one_beam, "max_length": c.prompt + n, "repetition_penalty": p, "no_repeat_ngram_size": g}
        for p in (1.2, 1.5) for g in (2, 3) for n in (15, 12)],
    "greedy least": lambda c: [
        {**c.one_beam, "max_length": c.prompt + n, "min_length": c.prompt + m} for m in (8, 6, 10) for n in (15, 12)],
    "greedy source": lambda c: [
        {**c.one_beam, "max_new_tokens": 12, "encoder_repetition_penalty": p} for p in (1.5, 2.5)],
    "greedy unlike source": lambda c: [
        {**c.one_beam, "max_new_tokens": 12, "encoder_no_repeat_ngram_size": n} for n in (3, 2, 1)],
    "beams": lambda c: [{"num_beams": 4, "max_new_tokens": n} for n in (14, 18, 10)],
    "beams long": lambda c: [
        {"num_beams": b, "max_length": c.prompt + n, "length_penalty": p, "early_stopping": True}
        for p in (2.0,) for n in (16, 12, 9) for b in (4, 3, 5)],
    "beams never": lambda c: [
        {"num_beams": b, "max_new_tokens": n, "length_penalty": p, "early_stopping": "never"}
        for p in (0.6, 1.5) for n, b in ((12, 4), (16, 3), (20, 4), (20, 5))],
    "beams short": lambda c: [
        {"num_beams": b, "max_new_tokens": n, "length_penalty": p, "early_stopping": "never"}
        for p in (-0.8, -2.0) for n in (10, 14) for b in (3, 4, 2)],
    "beams several": lambda c: [
        {"num_beams": b, "num_return_sequences": 3, "max_new_tokens": n} for n in (11, 9, 13, 15) for b in (5, 4)],
    "beams words": lambda c: [
        {"num_beams": 4, "max_new_tokens": n, "no_repeat_ngram_size": g, "bad_words_ids": [[c.common(w)], c.pair(v)]}
        for g in (2, 3) for w, v in ((1, 1), (2, 0), (0, 1), (3, 2)) for n in (12,)],
    "beams forced": lambda c: [
        {"num_beams": b, "max_length": n, "forced_bos_token_id": c.rare, "forced_eos_token_id": c.forced}
        for n in (8, 6, 5, 7) for b in (4, 3)],
    "beams least": lambda c: [
        {"num_beams": b, "min_new_tokens": m, "max_new_tokens": n, "repetition_penalty": p}
        for p in (1.05, 1.2) for m, n in ((7, 12), (10, 14), (5, 9)) for b in (4,)],
    "beams suppress": lambda c: [
        {"num_beams": 3, "max_new_tokens": n, "suppress_tokens": sorted({c.common(w), c.common(w + 2)}),
         "begin_suppress_tokens": c.first}
        for w in (0, 1) for n in (12, 9)],
    "beams bias": lambda c: [
        {"num_beams": 3, "max_new_tokens": n, "sequence_bias": [[[c.common(w)], -1.5], [c.new_pair(v), x]],
         "repetition_penalty": 1.3}
        for w in (0, 1) for v in (0, 2) for x in (3.0, 6.0) for n in (11,)],
    "beams decay": lambda c: [
        {"num_beams": b, "max_new_tokens": n, "exponential_decay_length_penalty": [s, f]}
        for s in (3, 5) for f in (1.4, 1.15) for b in (4, 3) for n in (15, 18)],
    "beams source": lambda c: [
        {"num_beams": b, "max_new_tokens": n, "encoder_repetition_penalty": p}
        for p in (1.4, 2.0) for b in (4, 3) for n in (11, 14)],
    "beams unlike source": lambda c: [
        {"num_beams": b, "max_new_tokens": 12, "encoder_no_repeat_ngram_size": n} for n in (2, 1) for b in (3, 4)],
    "beams renormalized": lambda c: [
        {"num_beams": b, "max_new_tokens": n, "repetition_penalty": 1.5, "suppress_tokens": [c.common(w)],
         "renormalize_logits": True}
        for w in (0, 1) for b in (4, 3) for n in (11, 14)],
    "beams two ends": lambda c: [
        {"num_beams": b, "max_new_tokens": n, "eos_token_id": [c.eos, c.common(w)]}
        for w in (2, 1, 3, 0, 4) for b in (3, 4) for n in (12, 15)],
    "groups": lambda c: [
        {"num_beams": 6, "num_beam_groups": 3, "diversity_penalty": p, "num_return_sequences": 3, "max_new_tokens": n}
        for p in (0.8, 1.5) for n in (10, 12)],
    "groups long": lambda c: [
        {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5, "length_penalty": p, "early_stopping": True,
         "num_return_sequences": 2, "max_new_tokens": n} for p in (2.0, 1.5) for n in (12, 14, 9)],
    "groups rules": lambda c: [
        {"num_beams": 4, "num_beam_groups": 4, "diversity_penalty": p, "num_return_sequences": 4, "max_new_tokens": n,
         "no_repeat_ngram_size": 2} for p in (1.0, 2.0) for n in (10, 13)],
    "language": lambda c: [
        {"num_beams": b, "max_new_tokens": n, "forced_bos_token_id": c.rare} for b in (4, 5, 3) for n in (10, 14)],
    "as published": lambda c: [{}],
}
FULL = ["greedy", "greedy rules", "greedy least", "greedy source", "greedy unlike source", "beams", "beams long",
        "beams never", "beams short", "beams several", "beams words", "beams forced", "beams least", "beams suppress",
        "beams bias", "beams decay", "beams source", "beams unlike source", "beams renormalized", "beams two ends"]
GROUPS = ["groups", "groups long", "groups rules"]
DECODER_ONLY = ["greedy", "greedy rules", "greedy least", "beams", "beams long", "beams never", "beams short",
                "beams several", "beams least", "beams suppress", "beams bias", "beams decay", "beams renormalized",
                "beams two ends"]
