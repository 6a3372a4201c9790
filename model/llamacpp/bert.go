package llamacpp

import (
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// bertNames are the names of BERT's tensors. A head of RoBERTa's kind is a layer with tanh over the first row, as BERT's
// pooler is, and one more.
func bertNames() names {
	return names{
		"token_embd":           {to: "embeddings.word_embeddings"},
		"position_embd":        {to: "embeddings.position_embeddings"},
		"token_types":          {to: "embeddings.token_type_embeddings"},
		"token_embd_norm":      {to: "embeddings.LayerNorm"},
		"cls":                  {to: "pooler.dense"},
		"cls.output":           {to: "classifier"},
		"blk.attn_q":           {to: "attention.self.query"},
		"blk.attn_k":           {to: "attention.self.key"},
		"blk.attn_v":           {to: "attention.self.value"},
		"blk.attn_qkv":         {"attention.self.", thirds("query", "key", "value")},
		"blk.attn_output":      {to: "attention.output.dense"},
		"blk.attn_output_norm": {to: "attention.output.LayerNorm"},
		"blk.ffn_up":           {to: "intermediate.dense"},
		"blk.ffn_down":         {to: "output.dense"},
		"blk.layer_output_norm": {
			to: "output.LayerNorm"},
	}
}

// distilbertNames are those of DistilBERT's classifier, whose first layer has another activation.
func distilbertNames() names {
	return bertNames().with(names{
		"cls":                   {to: "pre_classifier"},
		"blk.attn_q":            {to: "attention.q_lin"},
		"blk.attn_k":            {to: "attention.k_lin"},
		"blk.attn_v":            {to: "attention.v_lin"},
		"blk.attn_qkv":          {"attention.", thirds("q_lin", "k_lin", "v_lin")},
		"blk.attn_output":       {to: "attention.out_lin"},
		"blk.attn_output_norm":  {to: "sa_layer_norm"},
		"blk.ffn_up":            {to: "ffn.lin1"},
		"blk.ffn_down":          {to: "ffn.lin2"},
		"blk.layer_output_norm": {to: "output_layer_norm"},
	})
}

// thirds shows queries, keys and values that are stored as one tensor under three names.
func thirds(list ...string) func(*file, stored) []checkpoint.Part {
	return func(f *file, t stored) []checkpoint.Part {
		if len(t.Shape) == 0 || t.Shape[0]%len(list) != 0 {
			f.fail("tensor %q has shape %.200s, whose rows cannot be divided by %d", t.Name, fmt.Sprint(t.Shape), len(list))
			return nil
		}
		n := t.Shape[0] / len(list)
		var parts []checkpoint.Part
		for i, name := range list {
			parts = append(parts, t.rows(t.to+name, i*n, n))
		}
		return parts
	}
}

// berts are BERT and ModernBERT. llama.cpp calls RoBERTa, XLM-RoBERTa, CamemBERT and DistilBERT bert too. A file lacks the
// rows of RoBERTa's positions up to the padding id, so that positions count from 0, as BERT's do. The activation of BERT is
// not stored, nor are its pooler and its masked head.
func berts() map[string]*architecture {
	bert := &architecture{names: bertNames(), layer: "encoder.layer.%d."}
	bert.config = func(f *file) {
		// Other than RoBERTa, DistilBERT has no segments. Its positions may be sines and cosines, which are not stored.
		if !f.stored("token_types.weight") && (f.stored("cls.weight") || !f.stored("position_embd.weight")) {
			bert.names, bert.layer = distilbertNames(), "transformer.layer.%d."
			f.distilbert()
			return
		}
		f.bert()
	}
	modern := &architecture{config: (*file).modernbert, layer: "layers.%d.", names: names{
		"token_embd":      {to: "embeddings.tok_embeddings"},
		"token_embd_norm": {to: "embeddings.norm"},
		"output_norm":     {to: "final_norm"},
		"cls":             {to: "head.dense"},
		"cls.norm":        {to: "head.norm"},
		"cls.output":      {to: "classifier"},
		"blk.attn_norm":   {to: "attn_norm"},
		"blk.attn_qkv":    {to: "attn.Wqkv"},
		"blk.attn_output": {to: "attn.Wo"},
		"blk.ffn_norm":    {to: "mlp_norm"},
		"blk.ffn_up":      {to: "mlp.Wi"},
		"blk.ffn_down":    {to: "mlp.Wo"},
	}}
	return map[string]*architecture{"bert": bert, "modern-bert": modern}
}

// rows returns the first dimension of a tensor, or 0.
func (f *file) rows(name string) int {
	if info, ok := f.lookup(name); ok && len(info.Shape) > 0 {
		return info.Shape[0]
	}
	return 0
}

func (f *file) bert() {
	c := f.config
	set(c, "model_type", "bert")
	f.classifier("Bert")
	set(c, "hidden_act", "gelu")
	set(c, "hidden_size", f.count("embedding_length"))
	set(c, "num_hidden_layers", f.layers)
	set(c, "num_attention_heads", f.uniform("attention.head_count", 0))
	set(c, "intermediate_size", f.inner())
	set(c, "vocab_size", f.vocabulary())
	set(c, "max_position_embeddings", f.rows("position_embd.weight"))
	set(c, "type_vocab_size", f.rows("token_types.weight"))
	f.layerNorm("layer_norm_eps")
}

func (f *file) distilbert() {
	c := f.config
	set(c, "model_type", "distilbert")
	f.classifier("DistilBert")
	set(c, "activation", "gelu")
	set(c, "dim", f.count("embedding_length"))
	set(c, "n_layers", f.layers)
	set(c, "n_heads", f.uniform("attention.head_count", 0))
	set(c, "hidden_dim", f.inner())
	set(c, "vocab_size", f.vocabulary())
	set(c, "max_position_embeddings", f.rows("position_embd.weight"))
	if !f.stored("position_embd.weight") {
		set(c, "sinusoidal_pos_embds", true)
		set(c, "max_position_embeddings", f.count("context_length"))
	}
	f.has("attention.layer_norm_epsilon") // 1e-12
}

func (f *file) modernbert() {
	c := f.config
	set(c, "model_type", "modernbert")
	f.classifier("ModernBert")
	set(c, "hidden_size", f.count("embedding_length"))
	set(c, "num_hidden_layers", f.layers)
	set(c, "num_attention_heads", f.uniform("attention.head_count", 0))
	set(c, "intermediate_size", f.inner())
	set(c, "vocab_size", f.vocabulary())
	set(c, "max_position_embeddings", f.optional("context_length", 8192))
	set(c, "hidden_activation", "gelu")
	if f.has("hidden_activation") {
		set(c, "hidden_activation", get(f, f.key("hidden_activation"), f.meta.String))
	}
	f.layerNorm("norm_eps")
	set(c, "norm_bias", f.stored("output_norm.bias"))
	set(c, "attention_bias", f.inLayers("attn_qkv.bias"))
	set(c, "mlp_bias", f.inLayers("ffn_up.bias"))
	set(c, "local_attention", f.optional("attention.sliding_window", 128))
	set(c, "global_attn_every_n_layers", f.optional("attention.sliding_window_pattern", 3))
	set(c, "global_rope_theta", f.float("rope.freq_base", 160000))
	set(c, "local_rope_theta", f.float("rope.freq_base_swa", 10000))
	if s := f.scaling(); s != nil {
		f.fail("%s is not supported for this architecture", f.key("rope.scaling.type"))
	}
	set(c, "classifier_bias", f.stored("cls.bias"))
	set(c, "classifier_pooling", "cls")
	switch n := f.optional("classifier.pooling_type", int(PoolingCLS)); Pooling(n) {
	case PoolingCLS:
	case PoolingMean:
		set(c, "classifier_pooling", "mean")
	default:
		f.fail("%s is %d; %d and %d are supported", f.key("classifier.pooling_type"), n, PoolingMean, PoolingCLS)
	}
}

// classifier sets the class by whether there is a head, and the head's labels.
func (f *file) classifier(prefix string) {
	f.has("attention.causal")
	if f.bool("attention.causal", false) {
		f.fail("%s is true for an encoder", f.key("attention.causal"))
	}
	class := prefix + "Model"
	if f.rows("cls.output.weight") > 0 && f.stored("cls.weight") {
		class = prefix + "ForSequenceClassification"
	}
	set(f.config, "architectures", []string{class})
	f.labels()
}

// labels sets the labels of a classifier, of which there are as many as its last layer has outputs.
func (f *file) labels() {
	var names []string
	if f.has("classifier.output_labels") {
		names = get(f, f.key("classifier.output_labels"), f.meta.Strings)
	}
	n := f.rows("cls.output.weight")
	if n == 0 || n > maxLabels {
		return
	}
	labels := config{}
	for i := range n {
		set(labels, fmt.Sprint(i), fmt.Sprintf("LABEL_%d", i))
		if len(names) == n {
			set(labels, fmt.Sprint(i), strings.ToValidUTF8(names[i], "\uFFFD"))
		}
	}
	f.config.setObject("id2label", labels)
}

// maxLabels bounds the labels of a classifier.
const maxLabels = 1 << 16
