"""Makes the golden files: what Hugging Face transformers answers on small random checkpoints.

    python3 -m venv env && env/bin/pip install -r requirements.txt
    env/bin/python golden.py list                   # the cases
    env/bin/python golden.py make 'llama-*'         # make the files of some cases
    env/bin/python golden.py check                  # make all answers again and compare; write nothing
    env/bin/python golden.py check encoders/bert-*  # the same for some

A case is named by its file, without .json.gz: llama-gqa, encoders/bert-plain, seq2seq/t5-v1. A pattern is a shell's; one
without a folder looks into every folder. CASES below says which cases are in which folder; cases/ has their configs,
kinds/ has how each kind is run. Files of families that the library does not have yet are in next/, where the tests do
not look. When a family lands, its entry in CASES and its files move up.

Weights and seeds
    The weights are a formula of seed, tensor name and element index (kinds/reference.py), so that no checkpoint is
    stored. A seed is searched with which the answers survive a relative noise of 1e-4 on every weight; greedy runs
    must be varied, too. Each case names contrasts, changes of its config that must show in the answers, and every
    tensor must show, so that no case passes without its subject. A case whose contrast does not show is not made.

Floats
    Float arrays are {"shape": [...], "data": "f32:" + base64 of little-endian float32}. A processor with other vector
    units gives other last bits. check allows 2e-5 of an array's largest magnitude, 1e-4 for scores, and nothing else.

Every file holds
    name, family, note  what the case is and what it exercises
    config              the contents of the checkpoint's config.json
    seed, tensors       the formula's seed; per tensor, as named in the checkpoint, shape, offset and scale; "like"
                        names a tensor whose values it repeats
    attention           the reference's implementation of attention, where it is not the eager one

Decoders (this folder) hold
    prompt              token ids
    positions           rows of the prompt for which hidden states and logits are kept
    hidden              the embedding's output, then each layer's. The last entry is what the head reads: the output of
                        the final norm ("final norm"), of OPT's project_out ("project_out"), or of the last layer
                        ("layer N") if there is no final norm
    routing             of models with experts, for each sparse layer: experts, the numbers of those chosen at each
                        kept position in the order of choice, and shape and data of their weights in this order. The
                        choice at every token of prompt and greedy run survives the noise, too, and the prompt uses
                        every expert
    prediction          of models with a layer that predicts one token more, what the reference's generate() with
                        use_mtp makes of the prompt in it: hidden, after the layer's own norm, logits, by the model's
                        head, and routing. Its row i reads the final norm's output at token i and the embedding of
                        token i + 1, which after the prompt is the first of the greedy run, at position i + 1
    logits              before any sampling, after the model's own scale and soft-cap
    greedy              the 64 tokens that follow, each the argmax of a run over the whole text so far, without a cache
    greedy_cached       the same from generate() with a cache, only where it differs from greedy
    min_margin          the smallest (first - second logit) / max |logit| in the greedy run

Far from the start (far/)
    A decoder's file holds start, the position of its prompt's first token: the reference's cache says that it had
    start tokens, of which none is left. Positions are rows of the prompt, as ever.
    tables of LLaMA 4   positions, and for each of some configs what the reference makes there. rotations: inv_freq,
                        to be equal to the last bit, and cos and sin, a row per position. temperatures: scale, by which
                        a query is multiplied in a layer without rotation.

Encoders (encoders/) hold
    inputs              three sequences, each run alone without padding: ids, types (segment ids, where there are
                        segments), positions (the rows kept)
    hidden              the kept rows of all sequences, one sequence after the other: what enters the first layer, then
                        each layer's output; the last only after the final norm, where the family has one
    outputs             of the head, by the reference's names; rows says what a row belongs to: a kept position, a
                        token, or a sequence. Logits of multiple choice are one per choice; the sequences are the
                        choices.
    The three sequences are also run as one padded batch, which must give the same.

Encoder–decoders (seq2seq/) hold
    generation_config   of generation_config.json, where the checkpoint has one
    source              token ids for the encoder, three sequences, each run alone without padding; of models that
                        are decoders alone, three prompts
    target              the decoder's input ids, from the start token on, one per source
    positions           the rows kept of each source and of each target
    encoder, decoder    [{at, shape, data}]: the kept rows of all sequences, one sequence after the other: what enters
                        the first layer, what each layer gives, what the final norm gives, where there is one
    logits              of the kept rows of the targets
    cross_attention     {layer, head, source, shape, data}: attention weights, a row per target token, a column per
                        source token
    generations         [{name, settings, outputs}]: settings are keyword arguments of generate(), over those of the
                        checkpoint; outputs [{source, ids, scores}]: number of the source, the texts without start
                        token or prompt, up to and with the end token, and their scores where there are beams
    Decoders alone have neither target nor what follows it up to generations. The sources are also run as one padded
    batch. The end token is chosen among all so that texts end. check makes the texts again with the settings of the
    file. Classifiers have outputs, as encoders do, instead of logits and what follows; their target is what the
    reference makes of the source.

    Diverse beam groups have left transformers 5. The settings named "groups…" are run by an older version in an
    environment of its own, made with requirements-groups.txt; the variable GROUPS_PYTHON names its interpreter. It
    also runs the other settings with beams of those cases, and what differs is printed.

Towers (towers/) hold
    pictures            shapes of the pixels, [channels, height, width], of pictures that are run one by one. Picture i is
                        the formula of the name "picture i", with offset 0 and the scale spread
    inputs              of towers of texts: ids, and keys, the number of tokens that are seen, where there is a mask
    hidden              of each tower, the rows 0, 1, n // 2 and n - 1 of each input: what enters the first layer, what
                        each layer gives, and what the final norm gives, where the reference says it
    outputs             of each tower, a row per input: pooler_output, logits, or the features in the shared space, not
                        normalised; logits of both, a row per picture and a column per text; and the loss of the batch

Pictures (pictures/) of models that write about them, or match them with texts, hold
    task                caption, question or match
    end                 the end token, chosen so that some texts end
    sizes, spread       the pictures: picture i is the formula's "pixels i", with this scale
    settings            by name, keyword arguments of generate()
    files               the contents of the processor's files
    outputs             for each picture with each text (null is none): input_ids and qformer_input_ids, as the processor
                        makes them; states, of what is computed before a token is chosen, the first, middle and last
                        row (of logits behind a Q-Former the last, of one attention all); generations as above, without
                        what was given; text_out, each generation's first text, decoded

Pipelines (encoders/pipelines/), what transformers' pipelines make of given logits, hold
    tokens-*            token classification. tokenizer is the contents of a tokenizer.json; windows has, for each
                        window of the text, ids, tokens, offsets (in code points), special (1 for special tokens) and
                        logits; expected has the entities of each aggregation strategy. Scores are those of the
                        softmax. Several windows overlap, and then there is no strategy none.
    spans               question answering, for one window. allowed is 1 for the context's tokens and the first, the
                        class token; start and end are logits; spans are (start token, end token, score), those of
                        score 0 left out, and null the score of no answer. transformers 5 has this function only for
                        documents, as it was for texts.
"""

import argparse
import fnmatch
import gzip
import json
import pathlib
import sys

from cases import (bart, beams, bert, blip, causal, deberta, deepseek, gemma, gpt, gptneox, llama, llama4, llama_kin,
                   modernbert, moe, t5, towers as tower_cases)
from kinds import decoders, encoders, far, pictures, pipelines, reference, seq2seq, towers

HERE = pathlib.Path(__file__).parent
SUFFIX = ".json.gz"

CASES = [  # folder, kind, cases
    ("", decoders, gpt.GPT2_CASES + llama.LLAMA_CASES + llama.MISTRAL_CASES + llama.QWEN2_CASES + llama.QWEN3_CASES
     + gemma.GEMMA_CASES + gemma.GEMMA2_CASES + gemma.GEMMA3_CASES + gemma.GEMMA3_PICTURES_CASES + llama.PHI3_CASES
     + gptneox.GPT_NEOX_CASES + gptneox.OPT_CASES + gptneox.FALCON_CASES + gptneox.PHI_CASES + llama_kin.OLMO2_CASES
     + llama_kin.OLMO3_CASES + llama_kin.SMOLLM3_CASES + llama_kin.STARCODER2_CASES + llama_kin.GRANITE_CASES
     + llama_kin.COHERE_CASES + llama_kin.COHERE2_CASES),
    ("", decoders, moe.MIXTRAL_CASES + moe.QWEN2_MOE_CASES + moe.QWEN3_MOE_CASES + moe.OLMOE_CASES
     + moe.GRANITE_MOE_CASES + moe.GRANITE_MOE_SHARED_CASES + moe.PHIMOE_CASES + moe.GPT_OSS_CASES
     + deepseek.DEEPSEEK_V3_CASES + deepseek.DEEPSEEK_V2_CASES + deepseek.KIMI_K2_CASES + deepseek.GLM4_MOE_LITE_CASES
     + deepseek.GLM4_MOE_CASES + deepseek.MINIMAX_M2_CASES + llama4.LLAMA4_TEXT_CASES + llama4.LLAMA4_CASES),
    ("far", decoders, llama4.LLAMA4_FAR_CASES),
    ("far", far, llama4.LLAMA4_TABLES_CASES),
    ("encoders", encoders, bert.BERT_CASES + bert.ROBERTA_CASES + bert.DISTILBERT_CASES + bert.XLM_ROBERTA_CASES
     + bert.ELECTRA_CASES + bert.ALBERT_CASES + bert.MPNET_CASES + deberta.DEBERTA_CASES + deberta.DEBERTA_V2_CASES
     + modernbert.MODERNBERT_CASES + gemma.GEMMA3_ENCODER_CASES + t5.T5_ENCODER_CASES
     + causal.CAUSAL_CASES),
    ("encoders/pipelines", pipelines, pipelines.CASES),
    ("seq2seq", seq2seq, t5.T5_CASES + bart.BART_CASES + t5.MT5_CASES + bart.MBART_CASES + bart.MARIAN_CASES
     + bart.PEGASUS_CASES + bart.M2M_CASES + bart.BART_CLASSIFIER_CASES + beams.BEAM_CASES),
    ("towers", towers, tower_cases.VIT_CASES + tower_cases.DEIT_CASES + tower_cases.DINOV2_CASES
     + tower_cases.CLIP_CASES + tower_cases.SIGLIP_CASES + tower_cases.BERT_CLIP_CASES),
    ("pictures", pictures, blip.BLIP_CASES + blip.BLIP2_CASES + blip.INSTRUCTBLIP_CASES),
]


def name_of(path: pathlib.Path) -> str:
    return path.relative_to(HERE).as_posix().removesuffix(SUFFIX)


def chosen(patterns: list) -> list:
    """(path, kind, case) of the cases that a pattern names; all without patterns."""
    every = [(HERE / folder / (case.name + SUFFIX), kind, case) for folder, kind, some in CASES for case in some]
    names = [name_of(path) for path, *_ in every]
    picked = set()
    for pattern in patterns or ["*"]:
        some = [i for i, name in enumerate(names)
                if fnmatch.fnmatch(name if "/" in pattern else name.split("/")[-1], pattern)]
        if not some:
            sys.exit(f"golden.py: no case is called {pattern}")
        picked.update(some)
    return [every[i] for i in sorted(picked)]


def make(path: pathlib.Path, kind, case) -> bool:
    """Whether the case's file could be made."""
    try:
        golden = kind.make(case)
    except ValueError as error:
        print(error, flush=True)
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    text = kind.text(golden) if kind is pipelines else reference.text(golden)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))  # the same bytes each time
    told = [f"seed {golden['seed']}"] if "seed" in golden else []
    told += [f"margin {golden['min_margin']}"] if "min_margin" in golden else []
    told += ["cached run differs"] if "greedy_cached" in golden else []
    print(f"{case.name}: {', '.join([*told, f'{path.stat().st_size} bytes'])}", flush=True)
    return True


def check(path: pathlib.Path, kind, case) -> bool:
    """Whether the answers, made again with the file's seed, are those of the file."""
    try:
        stored = json.loads(gzip.decompress(path.read_bytes()))
        different = reference.differences(stored, kind.remake(case, stored))
    except (OSError, ValueError, reference.Unfit) as error:
        different = [str(error)]
    print(case.name, "differs: " + "; ".join(different) if different else "agrees", flush=True)
    return not different


def main():
    parser = argparse.ArgumentParser(description="Makes the golden files, and checks them.")
    parser.add_argument("do", choices=["list", "make", "check"])
    parser.add_argument("pattern", nargs="*", help="cases, such as 'llama-*' or 'encoders/*'; make needs one")
    arguments = parser.parse_args()
    if arguments.do == "make" and not arguments.pattern:
        parser.error("make needs a pattern; '*' is all")
    cases = chosen(arguments.pattern)
    if arguments.do == "list":
        for path, _, case in cases:
            print(name_of(path), "-", getattr(case, "note", ""))
        return
    reference.check_versions(HERE / "requirements.txt")
    reference.quiet()
    do = make if arguments.do == "make" else check
    sys.exit(not all([do(*case) for case in cases]))


if __name__ == "__main__":
    main()
