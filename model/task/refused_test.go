package task

import (
	"encoding/json"
	"io/fs"
	"maps"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model"
)

const saved = "sentence_transformers.models."

func moduleList(types ...string) string {
	var list []map[string]any
	for i, t := range types {
		m := map[string]any{"idx": i, "path": "", "type": t}
		if i > 0 {
			m["path"] = "1_" + t[strings.LastIndexByte(t, '.')+1:]
		}
		list = append(list, m)
	}
	return string(must(json.Marshal(list)))
}

// Modules that would give something else than their mean are refused by name, and so are folders of other kinds.
func TestRefusedModules(t *testing.T) {
	pooled := map[string]string{"modules.json": moduleList(saved+"Transformer", saved+"Pooling"), "1_Pooling/config.json": "{}"}
	with := func(name, text string) map[string]string {
		files := maps.Clone(pooled)
		files[name] = text
		return files
	}
	for _, c := range []struct {
		files map[string]string
		want  string
	}{
		{with("modules.json", moduleList(saved+"CLIPModel")), "CLIPModel"},
		{with("modules.json", moduleList(saved+"WordEmbeddings", saved+"Pooling")), "WordEmbeddings"},
		{with("modules.json", moduleList("sentence_transformers.base.modules.router.Router")), "Router"},
		{with("modules.json", moduleList(saved+"Asym")), "Asym"},
		{with("modules.json", moduleList("sentence_transformers.sparse_encoder.models.MLMTransformer", "sentence_transformers.sparse_encoder.models.SpladePooling")), "MLMTransformer"},
		{with("modules.json", moduleList(saved+"Transformer", "sentence_transformers.sparse_encoder.models.SpladePooling")), "SpladePooling"},
		{with("modules.json", moduleList(saved+"Transformer", "pylate.models.Dense.Dense")), "ColBERT"},
		{with("modules.json", moduleList(saved+"Transformer", saved+"Dense")), "before any Pooling"},
		{with("modules.json", moduleList(saved+"Transformer")), "no Pooling"},
		{with("modules.json", moduleList(saved+"Transformer", "sentence_transformers.cross_encoder.modules.logit_score.LogitScore")), "LogitScore"},
		{with("config_sentence_transformers.json", `{"model_type": "CrossEncoder"}`), "OpenReranker"},
		{with("config_sentence_transformers.json", `{"model_type": "SparseEncoder"}`), "SparseEncoder"},
		{with("config_sentence_transformers.json", `{"model_type": "MultiVectorEncoder"}`), "MultiVectorEncoder"},
		{with("config_sentence_transformers.json", `{"similarity_fn_name": "hamming"}`), "hamming"},
		{with("sentence_bert_config.json", `{"transformer_task": "fill-mask"}`), "fill-mask"},
		{with("sentence_bert_config.json", `{"modality_config": {"text": {"method": "forward", "method_output_name": "pooler_output"}}}`), "pooler_output"},
		{with("sentence_bert_config.json", `{"modality_config": {"image": {"method": "forward"}}}`), "no text"},
		{with("sentence_bert_config.json", `{"config_kwargs": {"hidden_act": "relu"}}`), "config_kwargs.hidden_act"},
		{with("sentence_bert_config.json", `{"query_length": 32}`), "query_length"},
	} {
		err := second(OpenEmbedder(expected.Checkpoints["features"].with(c.files, nil).fs(), model.Options{}))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q in it", c.want, err, c.want)
		}
	}
}

// Cross-encoders that are none are refused by name.
func TestRefusedCrossEncoders(t *testing.T) {
	score := `{"in_features": 32, "out_features": 2, "module_output_name": "scores"}`
	for _, c := range []struct {
		of    string
		files map[string]string
		want  string
	}{
		{"one", map[string]string{"modules.json": moduleList(saved + "Transformer"), "config_sentence_transformers.json": `{"model_type": "SentenceTransformer"}`}, "OpenEmbedder"},
		{"one", map[string]string{"config_sentence_transformers.json": `{"activation_fn": "torch.nn.Softplus", "model_type": "CrossEncoder"}`, "modules.json": moduleList(saved + "Transformer")}, "Softplus"},
		{"one", map[string]string{"modules.json": moduleList(saved + "Transformer"), "sentence_bert_config.json": `{"transformer_task": "feature-extraction"}`}, "feature-extraction"},
		{"features", map[string]string{"modules.json": moduleList(saved+"Transformer", saved+"Pooling"), "1_Pooling/config.json": "{}"}, "gives scores"},
		{"features", map[string]string{"modules.json": moduleList(saved+"Transformer", saved+"Pooling", saved+"Dense"), "1_Pooling/config.json": "{}", "1_Dense/config.json": score}, "none of model.safetensors"},
		{"masked", nil, "no head for sequence classification"},
		{"one", map[string]string{"modules.json": moduleList(saved+"Transformer", "x.LogitScore"), "chat_template.jinja": "{{ x }}"}, "chat_template.jinja"},
		{"one", map[string]string{"modules.json": moduleList(saved+"Transformer", "x.LogitScore"), "1_LogitScore/config.json": "{}"}, "true_token_id"},
	} {
		err := second(OpenReranker(expected.Checkpoints[c.of].with(c.files, nil).fs(), model.Options{}))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q in it", c.want, err, c.want)
		}
	}
	if err := second(OpenLMReranker(Tiny("one"), model.Options{}, RerankPrompt{})); err == nil || !strings.Contains(err.Error(), "Qwen3Reranker") {
		t.Errorf("a decoder without a prompt: %v", err)
	}
	if err := second(OpenZeroShot(Tiny("single"), model.Options{})); err == nil || !strings.Contains(err.Error(), "entailment") {
		t.Errorf("zero-shot without entailment: %v", err)
	}
}

// Tables of word vectors that do not fit are refused by name.
func TestRefusedWordVectors(t *testing.T) {
	base := folderData{Files: map[string]string{"modules.json": moduleList(saved + "StaticEmbedding"), "tokenizer.json": string(Published("static")["tokenizer.json"].Data)}}
	for _, c := range []struct {
		weights map[string][]int
		want    string
	}{
		{map[string][]int{"other.weight": {3, 4}}, "other.weight"},
		{map[string][]int{"embeddings": {3, 4, 5}}, "embeddings"},
		{map[string][]int{"embeddings": {3, 4}, "weights": {5}}, "weights"},
		{map[string][]int{"embeddings": {3, 4}, "mapping": {5}}, "mapping"},
	} {
		folder := base.with(nil, map[string]map[string][]int{"model.safetensors": c.weights})
		if err := second(OpenEmbedder(folder.fs(), model.Options{})); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v; want %q in it", c.weights, err, c.want)
		}
	}
}

// A head is opened for who asks for it, and otherwise the error names what there is.
func TestHeadsByName(t *testing.T) {
	none := model.Options{}
	for _, c := range []struct {
		of   string
		open func(fs.FS) error
		want []string
	}{
		{"masked", func(f fs.FS) error { return second(OpenClassifier(f, none)) }, []string{"for masked LM (cls.predictions.)", "sequence classification", "classifier.weight"}},
		{"tokens", func(f fs.FS) error { return second(OpenClassifier(f, none)) }, []string{"for token classification (classifier.weight)"}},
		{"single", func(f fs.FS) error { return second(OpenTagger(f, none)) }, []string{"for sequence classification (classifier.weight)"}},
		{"features", func(f fs.FS) error { return second(OpenFillMask(f, none)) }, []string{"the bare model", "masked LM", "cls.predictions."}},
		{"roberta masked", func(f fs.FS) error { return second(OpenAnswerer(f, none)) }, []string{"for masked LM (lm_head.)", "qa_outputs.weight"}},
		{"roberta masked", func(f fs.FS) error { return second(OpenNextSentence(f, none)) }, []string{"nor has its family"}},
	} {
		err := c.open(Tiny(c.of))
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; want %q in it", c.of, err, want)
			}
		}
	}
}
