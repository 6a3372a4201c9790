package family

import (
	"io/fs"
	"maps"
	"slices"

	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// Recipe builds the models of one model_type. A nil function means that the family has no model of this kind.
// Each function reads the config, asks the loader for weights by name and shape, and connects the layers. It
// records errors with [hf.Config.Fail] and [nn.Loader.Fail] and goes on.
type Recipe struct {
	Title string // name for people: "LLaMA 1, 2, 3"

	Decoder        func(c *hf.Config, w nn.Loader) *arch.Decoder
	Encoder        func(c *hf.Config, w nn.Loader) *arch.Encoder
	EncoderDecoder func(c *hf.Config, w nn.Loader) *arch.EncoderDecoder
	ImageEncoder   func(c *hf.Config, w nn.Loader) *arch.ImageEncoder
	ImageText      func(c *hf.Config, w nn.Loader) *arch.ImageText

	// ImageToText builds a model that writes texts about pictures. Writing, if not nil, returns the object of the config
	// that says how it writes, and the special tokens that count if it names none; otherwise it is the config, and Tokens.
	ImageToText func(c *hf.Config, w nn.Loader) *arch.ImageToText
	Writing     func(c *hf.Config) (*hf.Config, hf.Tokens)

	// Tokens are the special tokens for checkpoints whose files name none.
	Tokens hf.Tokens

	// Tokenizer opens the tokenizer in a folder; nil means [tokenizer.Open].
	Tokenizer func(fsys fs.FS) (*tokenizer.Tokenizer, error)
}

// Kinds returns the kinds of model that the recipe builds: "decoder", "encoder", "encoder–decoder", "image encoder",
// "image–text model", "image-to-text model".
func (r Recipe) Kinds() []string {
	var kinds []string
	if r.Decoder != nil {
		kinds = append(kinds, "decoder")
	}
	if r.Encoder != nil {
		kinds = append(kinds, "encoder")
	}
	if r.EncoderDecoder != nil {
		kinds = append(kinds, "encoder–decoder")
	}
	if r.ImageEncoder != nil {
		kinds = append(kinds, "image encoder")
	}
	if r.ImageText != nil {
		kinds = append(kinds, "image–text model")
	}
	if r.ImageToText != nil {
		kinds = append(kinds, "image-to-text model")
	}
	return kinds
}

// Recipes returns the recipes of this package by model_type, in a new map.
func Recipes() map[string]Recipe {
	return map[string]Recipe{
		// gemma.go
		"gemma":       {Title: "Gemma", Decoder: gemma, Tokens: gemmaTokens()},
		"gemma2":      {Title: "Gemma 2", Decoder: gemma2, Tokens: gemmaTokens()},
		"gemma3":      {Title: "Gemma 3 (the text model of one with pictures)", Decoder: gemma3Pictures, Tokens: gemmaTokens()},
		"gemma3_text": {Title: "Gemma 3 (text); EmbeddingGemma", Decoder: gemma3, Encoder: gemma3Encoder, Tokens: gemmaTokens()},
		// cohere.go
		"cohere":  {Title: "Cohere Command R, R+", Decoder: cohere, Tokens: tokens(5, 255001, 0)},
		"cohere2": {Title: "Cohere Command R7B, A", Decoder: cohere2, Tokens: tokens(5, 255001, 0)},
		// deepseek.go
		"deepseek_v2":   {Title: "DeepSeek V2, V2-Lite", Decoder: deepseek2, Tokens: tokens(1, 2, -1)},
		"deepseek_v3":   {Title: "DeepSeek V3, R1", Decoder: deepseek3, Tokens: tokens(0, 1, -1)},
		"glm4_moe_lite": {Title: "GLM-4.7-Flash", Decoder: glm4moelite, Tokens: tokens(0, 1, -1)},
		"kimi_k2":       {Title: "Kimi K2", Decoder: deepseek3, Tokens: tokens(0, 1, -1)},
		// falcon.go
		"falcon": {Title: "Falcon", Decoder: falcon, Tokens: tokens(11, 11, -1)},
		// glm.go
		"glm4_moe": {Title: "GLM-4.5, 4.6", Decoder: glm4moe},
		// gpt2.go
		"gpt2": {Title: "GPT-2", Decoder: gpt2, Tokens: tokens(50256, 50256, -1)},
		// gptneox.go
		"gpt_neox": {Title: "GPT-NeoX, Pythia", Decoder: gptneox, Tokens: tokens(0, 2, -1)},
		// gptoss.go
		"gpt_oss": {Title: "gpt-oss", Decoder: gptoss},
		// granite.go
		"granite":          {Title: "Granite", Decoder: granite, Tokens: tokens(1, 2, -1)},
		"granitemoe":       {Title: "Granite MoE", Decoder: granitemoe, Tokens: tokens(1, 2, -1)},
		"granitemoeshared": {Title: "Granite MoE with a shared expert", Decoder: granitemoeshared, Tokens: tokens(1, 2, -1)},
		// llama.go
		"llama": {Title: "LLaMA 1, 2, 3, 3.x; SmolLM2", Decoder: llama, Tokens: tokens(1, 2, -1)},
		// llama4.go
		"llama4":      {Title: "LLaMA 4 (the text model of one with pictures)", Decoder: llama4Pictures, Tokens: tokens(1, 2, -1)},
		"llama4_text": {Title: "LLaMA 4 (text)", Decoder: llama4, Tokens: tokens(1, 2, -1)},
		// minimax.go
		"minimax_m2": {Title: "MiniMax M2", Decoder: minimaxM2, Tokens: tokens(200034, 200020, -1)},
		// mistral.go
		"mistral": {Title: "Mistral", Decoder: mistral, Tokens: tokens(1, 2, -1)},
		// mixtral.go
		"mixtral": {Title: "Mixtral", Decoder: mixtral, Tokens: tokens(1, 2, -1)},
		// olmoe.go
		"olmoe": {Title: "OLMoE", Decoder: olmoe, Tokens: tokens(-1, 50279, 1)},
		// olmo.go
		"olmo2": {Title: "OLMo 2", Decoder: olmo2, Tokens: tokens(-1, 50279, 1)},
		"olmo3": {Title: "OLMo 3", Decoder: olmo3, Tokens: tokens(-1, 50279, 1)},
		// opt.go
		"opt": {Title: "OPT", Decoder: opt, Tokens: tokens(2, 2, 1)},
		// phi.go
		"phi": {Title: "Phi-1, Phi-1.5, Phi-2", Decoder: phi, Tokens: tokens(1, 2, -1)},
		// phi3.go
		"phi3": {Title: "Phi-3, Phi-3.5, Phi-4 (text)", Decoder: phi3, Tokens: tokens(1, 32000, 32000)},
		// phimoe.go
		"phimoe": {Title: "Phi-3.5-MoE", Decoder: phimoe, Tokens: tokens(1, 2, -1)},
		// qwen.go
		"qwen2": {Title: "Qwen 2, 2.5", Decoder: qwen2},
		"qwen3": {Title: "Qwen 3", Decoder: qwen3},
		// qwenmoe.go
		"qwen2_moe": {Title: "Qwen 1.5 MoE, Qwen 2 MoE", Decoder: qwen2moe},
		"qwen3_moe": {Title: "Qwen 3 MoE", Decoder: qwen3moe},
		// smollm3.go
		"smollm3": {Title: "SmolLM3", Decoder: smollm3, Tokens: tokens(128000, 128001, 128004)},
		// starcoder2.go
		"starcoder2": {Title: "StarCoder 2", Decoder: starcoder2, Tokens: tokens(50256, 50256, -1)},

		// albert.go
		"albert": {Title: "ALBERT", Encoder: albert},
		// bert.go
		"bert":       {Title: "BERT; MiniLM, BGE, E5", Encoder: bert},
		"distilbert": {Title: "DistilBERT", Encoder: distilbert},
		// roberta.go
		"camembert":   {Title: "CamemBERT", Encoder: roberta},
		"roberta":     {Title: "RoBERTa", Encoder: roberta},
		"xlm-roberta": {Title: "XLM-RoBERTa; BGE-M3, multilingual E5", Encoder: roberta},
		// deberta.go
		"deberta":    {Title: "DeBERTa", Encoder: deberta},
		"deberta-v2": {Title: "DeBERTa v2, v3", Encoder: deberta2},
		// electra.go
		"electra": {Title: "ELECTRA", Encoder: electra},
		// modernbert.go
		"modernbert": {Title: "ModernBERT", Encoder: modernbert},
		// mpnet.go
		"mpnet": {Title: "MPNet", Encoder: mpnet},

		// bart.go
		"bart":    {Title: "BART", EncoderDecoder: bart, Tokens: bartTokens()},
		"m2m_100": {Title: "M2M-100, NLLB", EncoderDecoder: m2m100, Tokens: bartTokens()},
		"marian":  {Title: "Marian, OPUS-MT", EncoderDecoder: marian, Tokens: hf.Tokens{PAD: new(58100), EOS: new(0), Start: new(58100)}},
		"mbart":   {Title: "mBART, mBART-50", EncoderDecoder: mbart, Tokens: hf.Tokens{BOS: new(0), PAD: new(1), EOS: new(2)}},
		"pegasus": {Title: "Pegasus", EncoderDecoder: pegasus, Tokens: hf.Tokens{PAD: new(0), EOS: new(1), Start: new(0)}},
		// blip.go, blip2.go
		"blip":         {Title: "BLIP", ImageToText: blip, Writing: blipWriting},
		"blip-2":       {Title: "BLIP-2 with OPT, Flan-T5 and others", ImageToText: blip2, Writing: blip2Writing},
		"instructblip": {Title: "InstructBLIP with Vicuna, Flan-T5 and others", ImageToText: instructBlip, Writing: blip2Writing},
		// t5.go
		"mt5":  {Title: "mT5", Encoder: mt5Encoder, EncoderDecoder: mt5, Tokens: t5Tokens()},
		"t5":   {Title: "T5, T5 v1.1, Flan-T5", Encoder: t5Encoder, EncoderDecoder: t5, Tokens: t5Tokens()},
		"umt5": {Title: "UMT5", Encoder: umt5Encoder, EncoderDecoder: umt5, Tokens: t5Tokens()},

		// clip.go
		"altclip":                 {Title: "AltCLIP", ImageText: altclip, ImageEncoder: clipImageAlone},
		"chinese_clip":            {Title: "Chinese CLIP", ImageText: chineseClip, ImageEncoder: clipImageAlone},
		"clip":                    {Title: "CLIP; MetaCLIP, LAION, DataComp", ImageText: clip, ImageEncoder: clipImageAlone, Encoder: clipTextAlone(clipText)},
		"clip_text_model":         {Title: "CLIP's tower of texts", Encoder: clipTextAlone(clipText)},
		"clip_vision_model":       {Title: "CLIP's tower of pictures", ImageEncoder: clipImageAlone},
		"metaclip_2":              {Title: "MetaCLIP 2", ImageText: metaclip2, ImageEncoder: clipImageAlone, Encoder: clipTextAlone(metaclip2Text)},
		"metaclip_2_text_model":   {Title: "MetaCLIP 2's tower of texts", Encoder: clipTextAlone(metaclip2Text)},
		"metaclip_2_vision_model": {Title: "MetaCLIP 2's tower of pictures", ImageEncoder: clipImageAlone},
		// openclip.go
		OpenCLIP: {Title: "OpenCLIP, with its own towers; SigLIP by timm", ImageText: openclip},
		// siglip.go
		"siglip":              {Title: "SigLIP; SigLIP 2 with pictures of one size", ImageText: siglip, ImageEncoder: siglipImageAlone, Encoder: siglipTextAlone},
		"siglip_text_model":   {Title: "SigLIP's tower of texts", Encoder: siglipTextAlone},
		"siglip_vision_model": {Title: "SigLIP's tower of pictures", ImageEncoder: siglipImageAlone},
		// dinov2.go
		"dinov2":                {Title: "DINOv2", ImageEncoder: dinov2},
		"dinov2_with_registers": {Title: "DINOv2 with registers", ImageEncoder: dinov2Registers},
		// vit.go
		"deit": {Title: "DeiT", ImageEncoder: deit},
		"vit":  {Title: "ViT", ImageEncoder: vit},
	}
}

// OpenCLIP stands for a model_type, which open_clip_config.json does not have.
const OpenCLIP = "open_clip"

// tokens returns the special tokens that a config class of transformers has by default; -1 is none.
func tokens(bos, eos, pad int) hf.Tokens {
	var t hf.Tokens
	for _, x := range []struct {
		id int
		to **int
	}{{bos, &t.BOS}, {eos, &t.EOS}, {pad, &t.PAD}} {
		if x.id >= 0 {
			*x.to = &x.id
		}
	}
	return t
}

// Types returns the model_types of the recipes for which has returns true, sorted.
func Types(recipes map[string]Recipe, has func(Recipe) bool) []string {
	var types []string
	for _, name := range slices.Sorted(maps.Keys(recipes)) {
		if has(recipes[name]) {
			types = append(types, name)
		}
	}
	return types
}
