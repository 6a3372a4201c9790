// Package quantize chooses in which type each matrix of a model is kept, in few bits: its functions are values for
// model.Options.Convert.
//
//	d, err := model.OpenDecoder(os.DirFS(dir), model.Options{Convert: quantize.Q4_K_M})
//
// The choice is that of llama-quantize (llama.cpp, October 2026) without an importance matrix, for checkpoints with names
// of Hugging Face and of GGUF: errors of the projection to the vocabulary, of the values of attention and of the last
// matrix of a feed-forward network weigh most, so these have more bits, the latter two in the first and last eighth of the
// layers and in every third of those between. Left out are its exceptions for single models: Falcon, mixtures of just
// eight experts, LLaMA 2 70B.
//
// Tables of positions and of token types, and matrices that decide rather than compute, such as routers, stay as they are stored, and so does a matrix that has as few bits already.
// Rows that are not whole blocks of a type get the one of [tensor.DType.Fit].
//
// [Source] shows a checkpoint in such types, to be written to a file. Sizes and errors of SmolLM2-135M and others are in examples/quantize.
package quantize

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Q8_0 keeps all matrices in 8.5 bits an element: the same answers, for most purposes.
func Q8_0(m nn.Matrix) tensor.DType { return mix{base: tensor.Q8_0, head: tensor.Q8_0}.of(m) }

// Q6_K keeps all matrices in 6.6 bits an element.
func Q6_K(m nn.Matrix) tensor.DType { return mix{base: tensor.Q6_K, head: tensor.Q6_K}.of(m) }

// Q5_K_M keeps most matrices in 5.5 bits an element, and half of those that matter most in 6.6.
func Q5_K_M(m nn.Matrix) tensor.DType {
	return mix{base: tensor.Q5_K, head: tensor.Q6_K, values: tensor.Q6_K, down: tensor.Q6_K, where: spread}.of(m)
}

// Q4_K_M keeps most matrices in 4.5 bits an element, and half of those that matter most in 6.6: what most people run.
func Q4_K_M(m nn.Matrix) tensor.DType {
	return mix{base: tensor.Q4_K, head: tensor.Q6_K, values: tensor.Q6_K, down: tensor.Q6_K, where: spread}.of(m)
}

// Q4_0 keeps matrices in 4.5 bits an element, in the simplest and fastest form, and the projection to the vocabulary in
// 6.6.
func Q4_0(m nn.Matrix) tensor.DType { return mix{base: tensor.Q4_0, head: tensor.Q6_K}.of(m) }

// Encoder8 is the most exact choice for encoders and encoder–decoders that compute in 8 bits: embedders, classifiers,
// rerankers, translators; [W8A8] is the faster one. The matrices of the layers, cross-attention too, the projection to the vocabulary and the table of words
// are kept as Q8_0. With [nn.Automatic], which is the default, products with them round activations to 8 bits, in blocks
// of 32. What is small stays as it is stored: other tables, poolers, classifying heads and modules behind the model.
// Attention, norms and activation functions are float32 as ever.
func Encoder8(m nn.Matrix) tensor.DType {
	if m.Use == nn.Products && m.Layer < 0 {
		return m.DType
	}
	return Q8_0(m)
}

// W8A8 is the fast choice for encoders and encoder–decoders: what [Encoder8] keeps as Q8_0 is [tensor.W8], with one scale
// for each output, but for tables of words that are for lookups alone, and experts. With [nn.Automatic] activations are
// rounded to 8 bits for each token, at run time, with a scale and a zero point. That is the arithmetic of
// compressed-tensors' int-quantized checkpoints with dynamic activations, and of ONNX Runtime's dynamic quantisation,
// which has one scale for all outputs and one for all tokens.
//
// Which to choose: normalised embeddings of all-MiniLM-L6-v2 differ from those in float32 by 2.9e-3 with W8A8, 1.6e-3 with
// Encoder8 and 4.1e-3 with W7A8 (root mean square; ONNX Runtime 1.5e-2). With AVX512-VNNI W8A8 takes 0.38 of the time of
// float32, Encoder8 0.48; with AVX2 alone W8A8 0.80, W7A8 0.61.
func W8A8(m nn.Matrix) tensor.DType { return encoder(m, tensor.W8) }

// W7A8 is [W8A8] with weights of 7 bits, [tensor.W7], in the layers. It is the faster one on processors with AVX2 that have neither
// AVX-VNNI nor AVX512-VNNI; elsewhere both take the same time.
func W7A8(m nn.Matrix) tensor.DType { return encoder(m, tensor.W7) }

// encoder is Encoder8 with another type in the place of Q8_0 where products are made.
func encoder(m nn.Matrix, dt tensor.DType) tensor.DType {
	if m.Use == nn.Lookups || m.Use == nn.Products && m.Layer < 0 || strings.Contains(m.Name, "experts.") {
		return Encoder8(m)
	}
	return mix{base: dt, head: tensor.W8}.of(m)
}

// Names lists what [ByName] knows.
func Names() []string {
	return []string{"Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q4_0", "Encoder8", "W8A8", "W7A8"}
}

// ByName returns the function with this name.
func ByName(name string) (func(nn.Matrix) tensor.DType, error) {
	all := [...]func(nn.Matrix) tensor.DType{Q8_0, Q6_K, Q5_K_M, Q4_K_M, Q4_0, Encoder8, W8A8, W7A8}
	if i := slices.Index(Names(), name); i >= 0 {
		return all[i], nil
	}
	return nil, fmt.Errorf("quantize: no choice of types is called %.100q: there are %s", name, strings.Join(Names(), ", "))
}

// mix is a choice of types.
type mix struct {
	base, head   tensor.DType
	values, down tensor.DType // in the layers for which where is true
	where        func(layer, layers int) bool
}

func (c mix) of(m nn.Matrix) tensor.DType {
	kept := c.wanted(m).Fit(m.In)
	if bits(kept) >= bits(m.DType) {
		return m.DType
	}
	return kept
}

// wanted is the choice for rows of any length.
func (c mix) wanted(m nn.Matrix) tensor.DType {
	name := strings.TrimSuffix(m.Name, ".weight")
	switch {
	case m.Use == nn.Lookups && !isVocabulary(name), isKept(name):
		return m.DType
	case m.Use == nn.Head:
		return c.head
	case c.where == nil || !c.where(m.Layer, m.Layers):
		return c.base
	case isValues(name):
		return c.values
	case isDown(name):
		return c.down
	}
	return c.base
}

// bits returns the bits of 256 elements.
func bits(dt tensor.DType) int { return 8 * dt.Bytes(256) }

// spread is true for half of the layers: the first and the last eighth, and every third of the others.
func spread(layer, layers int) bool {
	eighth := layers / 8
	return layer >= 0 && layers > 0 && (layer < eighth || layer >= 7*layers/8 || (layer-eighth)%3 == 2)
}

// isVocabulary reports whether a table has a row for each token.
func isVocabulary(name string) bool {
	return endsIn(name, "embed_tokens", "embed_tokens_per_layer", "wte", "word_embeddings", "tok_embeddings", "embed_in", "shared", "token_embd", "per_layer_token_embd")
}

// isKept reports whether a matrix is small and decides much.
func isKept(name string) bool {
	return strings.Contains(name, "norm") || strings.Contains(name, "relative_attention_bias") || strings.Contains(name, "router") ||
		endsIn(name, "gate", "ffn_gate_inp", "attn_rel_b", "position_embd", "token_types", "wpe", "token_type_embeddings", "position_embeddings")
}

// isValues reports whether a matrix computes the values of attention, alone or with queries and keys.
func isValues(name string) bool {
	return endsIn(name, "v_proj", "v_lin", "value", "value_proj", "wv", "qkv_proj", "query_key_value", "c_attn", "Wqkv", "kv_b_proj",
		"attn_v", "attn_qkv", "attn_kv_b") || strings.HasSuffix(name, "Attention.v")
}

// isDown reports whether a matrix is the last of a feed-forward network.
func isDown(name string) bool {
	switch {
	case endsIn(name, "down_proj", "dense_4h_to_h", "fc2", "w2", "lin2", "ffn_down", "ffn_down_exps", "ffn_down_shexp"):
		return true
	case endsIn(name, "c_proj", "Wo", "wo"):
		return strings.Contains(name, "mlp.") || strings.Contains(name, "DenseReluDense.")
	}
	return strings.HasSuffix(name, ".output.dense") && !strings.HasSuffix(name, "attention.output.dense") // BERT
}

// endsIn reports whether the last part of a name is one of these.
func endsIn(name string, last ...string) bool {
	return slices.Contains(last, name[strings.LastIndexByte(name, '.')+1:])
}
