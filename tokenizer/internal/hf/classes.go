package hf

// classes lists the tokenizer classes. A class that is not among them takes tokenizer.json as it is, and cannot be opened
// without one.
func classes() []class {
	plain := func(s string) role { return role{text: s} }
	words := roles{unk: plain("[UNK]"), sep: plain("[SEP]"), pad: plain("[PAD]"), cls: plain("[CLS]"), mask: plain("[MASK]")}
	fairseq := roles{bos: plain("<s>"), eos: plain("</s>"), unk: plain("<unk>"), sep: plain("</s>"), pad: plain("<pad>"),
		cls: plain("<s>"), mask: plain("<mask>")}
	stripping := func(r roles) roles {
		r.mask.lstrip = true
		return r
	}
	plainBytes := &bytePairs{}
	return []class{
		// WordPiece
		{name: "BertTokenizer", roles: words, stages: bertStages, around: bert, raw: vocabText,
			also: []string{"ConvBertTokenizer", "DistilBertTokenizer", "DPRContextEncoderTokenizer", "DPRQuestionEncoderTokenizer",
				"DPRReaderTokenizer", "ElectraTokenizer", "LayoutLMTokenizer", "LxmertTokenizer", "MobileBertTokenizer", "SqueezeBertTokenizer"}},
		{name: "MPNetTokenizer", noTypes: true, stages: bertStages, around: mpnet, raw: vocabText, roles: roles{bos: plain("<s>"), eos: plain("</s>"),
			unk: plain("[UNK]"), sep: plain("</s>"), pad: plain("<pad>"), cls: plain("<s>"), mask: role{text: "<mask>", lstrip: true}}},

		// byte pairs of bytes
		{name: "GPT2Tokenizer", noTypes: true, also: []string{"CodeGenTokenizer"}, stages: byteStages, bpe: plainBytes, raw: vocabMerges,
			roles: roles{bos: plain("<|endoftext|>"), eos: plain("<|endoftext|>"), unk: plain("<|endoftext|>")}},
		{name: "RobertaTokenizer", noTypes: true, also: []string{"BartTokenizer", "LEDTokenizer", "LongformerTokenizer", "MvpTokenizer"},
			roles: fairseq, stages: byteStages, bpe: plainBytes, around: roberta, raw: vocabMerges},
		{name: "DebertaTokenizer", stages: byteStages, bpe: plainBytes, around: doubled, apart: bert, raw: vocabMerges, roles: roles{bos: plain("[CLS]"),
			eos: plain("[SEP]"), unk: plain("[UNK]"), sep: plain("[SEP]"), pad: plain("[PAD]"), cls: plain("[CLS]"), mask: plain("[MASK]")}},
		{name: "GPTNeoXTokenizer", noTypes: true, stages: neoxStages, bpe: plainBytes, around: flagged, raw: vocabMerges, roles: roles{
			bos: plain("<|endoftext|>"), eos: plain("<|endoftext|>"), unk: plain("<|endoftext|>"), pad: plain("<|padding|>")}},
		{name: "CohereTokenizer", padLeft: true, noTypes: true, stages: cohereStages, bpe: plainBytes, raw: vocabMerges, roles: roles{bos: plain("<BOS_TOKEN>"),
			eos: plain("<|END_OF_TURN_TOKEN|>"), unk: plain("<UNK>"), sep: plain("<SEP>"), pad: plain("<PAD>"), cls: plain("<CLS>"), mask: plain("<MASK_TOKEN>")}},
		{name: "Qwen2Tokenizer", noTypes: true, stages: qwen2Stages, bpe: plainBytes, raw: vocabMerges,
			roles: roles{eos: plain("<|endoftext|>"), unk: plain("<|endoftext|>"), pad: plain("<|endoftext|>")}},
		{name: "Qwen3_5Tokenizer", noTypes: true, stages: qwen35Stages, bpe: plainBytes, raw: vocabMerges,
			roles: roles{eos: plain("<|endoftext|>"), unk: plain("<|endoftext|>"), pad: plain("<|endoftext|>")}},
		{name: "CLIPTokenizer", noTypes: true, stages: clipStages, bpe: &bytePairs{unk: true, suffix: "</w>"}, around: clip, raw: vocabMerges, roles: roles{
			bos: plain("<|startoftext|>"), eos: plain("<|endoftext|>"), unk: plain("<|endoftext|>"), pad: plain("<|endoftext|>")}},

		// byte pairs of characters
		{name: "LlamaTokenizer", padLeft: true, noTypes: true, stages: llamaStages, bpe: &bytePairs{fuse: true, fallback: true}, raw: sentencePiece, prefixSpace: true,
			roles: roles{bos: plain("<s>"), eos: plain("</s>"), unk: plain("<unk>")}},
		{name: "CodeLlamaTokenizer", padLeft: true, noTypes: true, stages: codeLlamaStages, bpe: &bytePairs{unk: true, fuse: true, fallback: true}, around: flagged,
			raw: sentencePiece, addBOS: true, prefixSpace: true, roles: roles{bos: plain("<s>"), eos: plain("</s>"), unk: plain("<unk>")}, extra: codeLlamaExtra},
		{name: "GemmaTokenizer", padLeft: true, noTypes: true, stages: gemmaStages, bpe: &bytePairs{unk: true, fuse: true, fallback: true}, raw: sentencePiece, roles: roles{bos: plain("<bos>"),
			eos: plain("<eos>"), unk: plain("<unk>"), pad: plain("<pad>"), mask: plain("<mask>")}},
		{name: "Siglip2Tokenizer", padLeft: true, noTypes: true, stages: siglip2Stages, bpe: &bytePairs{unk: true, fuse: true, fallback: true}, raw: sentencePiece,
			roles: roles{bos: plain("<bos>"), eos: plain("<eos>"), unk: plain("<unk>"), pad: plain("<pad>"), mask: plain("<mask>")}},
		{name: "NllbTokenizer", noTypes: true, stages: nllbStages, bpe: &bytePairs{unk: true, fuse: true}, around: tongue, raw: sentencePiece, layout: nllbLayout,
			extra: languageExtra, roles: roles{bos: plain("<s>"), eos: plain("</s>"), unk: plain("<unk>"), sep: plain("</s>"), pad: plain("<pad>"),
				cls: plain("<s>"), mask: role{"<mask>", true, true}}},
		{name: "HerbertTokenizer", noTypes: true, stages: herbertStages, bpe: &bytePairs{unk: true, suffix: "</w>"}, around: bertFixed, raw: vocabMerges,
			roles: roles{unk: plain("<unk>"), sep: plain("</s>"), pad: plain("<pad>"), cls: plain("<s>"), mask: plain("<mask>")}},
		{name: "OpenAIGPTTokenizer", noTypes: true, stages: openaiStages, bpe: &bytePairs{unk: true, suffix: "</w>"}, raw: vocabMerges,
			roles: roles{unk: plain("<unk>")}},

		// Unigram
		{name: "AlbertTokenizer", commas: true, noTypes: true, stages: albertStages, older: olderAlbert, unknown: numbered(1), around: bert, raw: sentencePiece,
			prefixSpace: true, roles: roles{bos: plain("[CLS]"), eos: plain("[SEP]"), unk: plain("<unk>"), sep: plain("[SEP]"), pad: plain("<pad>"),
				cls: plain("[CLS]"), mask: plain("[MASK]")}},
		{name: "CamembertTokenizer", noTypes: true, stages: xlmrStages, older: olderSpm, unknown: named(0), around: bounds, raw: sentencePiece, layout: camembertLayout,
			extra: camembertExtra, prefixSpace: true, roles: stripping(fairseq)},
		{name: "XLMRobertaTokenizer", noTypes: true, stages: xlmrStages, older: olderSpm, unknown: numbered(3), around: bounds, raw: sentencePiece, layout: xlmrLayout,
			prefixSpace: true, roles: fairseq},
		{name: "DebertaV2Tokenizer", stages: debertaV2Stages, older: olderDebertaV2, unknown: debertaV2Unknown, around: bert, raw: sentencePiece, prefixSpace: true,
			roles: roles{bos: plain("[CLS]"), eos: plain("[SEP]"), unk: plain("[UNK]"), sep: plain("[SEP]"), pad: plain("[PAD]"), cls: plain("[CLS]"),
				mask: plain("[MASK]")}},
		{name: "T5Tokenizer", noTypes: true, stages: t5Stages, older: olderSpm, unknown: numbered(2), around: each, raw: sentencePiece,
			layout: t5Layout, extra: t5Extra, roles: roles{eos: plain("</s>"), unk: plain("<unk>"), pad: plain("<pad>")}},
		{name: "PegasusTokenizer", noTypes: true, stages: pegasusStages, unknown: named(-1), around: last, raw: sentencePiece, layout: pegasusLayout,
			extra: pegasusExtra, roles: roles{eos: plain("</s>"), unk: plain("<unk>"), pad: plain("<pad>")}}, // its masks are named when the vocabulary is laid out
		{name: "MBartTokenizer", noTypes: true, stages: mbartStages, unknown: numbered(3), around: tongue, raw: sentencePiece, layout: mbartLayout,
			extra: languageExtra, roles: stripping(fairseq)},
		{name: "MBart50Tokenizer", noTypes: true, stages: mbart50Stages, unknown: numbered(3), around: tongue, raw: sentencePiece, layout: mbart50Layout,
			extra: languageExtra, roles: roles{eos: plain("</s>"), unk: plain("<unk>"), sep: plain("</s>"), pad: plain("<pad>"), cls: plain("<s>"),
				mask: role{text: "<mask>", lstrip: true}}},
		{name: "XLNetTokenizer", commas: true, padLeft: true, stages: xlnetStages, older: olderXLNet, unknown: numbered(0), around: xlnet, raw: sentencePiece, extra: xlnetExtra, roles: roles{
			bos: plain("<s>"), eos: plain("</s>"), unk: plain("<unk>"), sep: plain("<sep>"), pad: plain("<pad>"), cls: plain("<cls>"),
			mask: role{text: "<mask>", lstrip: true}}},
		{name: "BigBirdTokenizer", noTypes: true, stages: bigBirdStages, unknown: named(100), around: bert, raw: sentencePiece, prefixSpace: true, roles: roles{
			bos: plain("<s>"), eos: plain("</s>"), unk: plain("<unk>"), sep: plain("[SEP]"), pad: plain("<pad>"), cls: plain("[CLS]"),
			mask: role{text: "[MASK]", lstrip: true}}},

		// as the SentencePiece library
		{name: "SiglipTokenizer", noTypes: true, around: once, raw: sentencePiece, pieces: siglipPieces, roles: roles{eos: plain("</s>"), unk: plain("<unk>"),
			pad: plain("</s>")}},

		// read by openNative
		{name: "MarianTokenizer"},
		{name: "M2M100Tokenizer"},
	}
}
