package model

import (
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// decoderRecipe returns the function that assembles a family of decoders, or nil.
func decoderRecipe(modelType string) func(config, nn.Loader) *arch.Decoder {
	switch modelType {
	case "gpt2":
		return buildGPT2
	case "llama":
		return buildLlama
	case "mistral":
		return buildMistral
	case "qwen2":
		return buildQwen2
	case "qwen3":
		return buildQwen3
	case "gemma":
		return buildGemma
	case "gemma2":
		return buildGemma2
	case "gemma3_text":
		return buildGemma3
	case "phi3":
		return buildPhi3
	}
	return nil
}

// Decoders lists the model_types that [OpenDecoder] opens.
func Decoders() []string {
	return []string{"gemma", "gemma2", "gemma3_text", "gpt2", "llama", "mistral", "phi3", "qwen2", "qwen3"}
}

// encoderDecoderRecipe returns the function that assembles a family of encoder–decoders, or nil.
func encoderDecoderRecipe(modelType string) func(config, nn.Loader) *arch.EncoderDecoder {
	switch modelType {
	case "bart":
		return buildBart
	case "m2m_100":
		return buildM2M100
	case "marian":
		return buildMarian
	case "mbart":
		return buildMBart
	case "mt5":
		return buildMT5
	case "pegasus":
		return buildPegasus
	case "t5":
		return buildT5
	case "umt5":
		return buildUMT5
	}
	return nil
}

// encoderDecoderTokens returns the special tokens of a family where its files name none.
func encoderDecoderTokens(modelType string) string {
	switch modelType {
	case "marian":
		return marianTokens
	case "mbart":
		return mbartTokens
	case "pegasus":
		return pegasusTokens
	case "t5", "mt5", "umt5":
		return t5Tokens
	}
	return bartTokens
}

// EncoderDecoders lists the model_types that [OpenEncoderDecoder] opens.
func EncoderDecoders() []string {
	return []string{"bart", "m2m_100", "marian", "mbart", "mt5", "pegasus", "t5", "umt5"}
}

// encoderRecipe returns the function that assembles a family of encoders, or nil.
func encoderRecipe(modelType string) func(config, nn.Loader) *arch.Encoder {
	switch modelType {
	case "albert":
		return buildAlbert
	case "bert":
		return buildBert
	case "camembert", "roberta", "xlm-roberta":
		return buildRoberta
	case "deberta":
		return buildDeberta
	case "deberta-v2":
		return buildDeberta2
	case "distilbert":
		return buildDistilbert
	case "electra":
		return buildElectra
	case "modernbert":
		return buildModernBert
	case "mpnet":
		return buildMPNet
	}
	return nil
}

// Encoders lists the model_types that [OpenEncoder] opens.
func Encoders() []string {
	return []string{"albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "modernbert", "mpnet", "roberta", "xlm-roberta"}
}
