package lora

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/seed2010d43f/transformer/model/hf"
)

// classes are the ends of the names of classes, by the task_type of adapters that bring a head of their own.
var classes = map[string]string{"SEQ_CLS": "ForSequenceClassification", "TOKEN_CLS": "ForTokenClassification", "QUESTION_ANS": "ForQuestionAnswering"}

// Config returns the base's config.json as it is for the model with the adapter: the class under architectures is the one that
// was trained, if the adapter is for a task with a head, and there are as many labels as the adapter's classifier has, by
// number if the config names others. It is config itself if that fits.
func (a *Adapter) Config(config *hf.Config) *hf.Config {
	class := classes[a.settings.Task]
	if class == "" {
		return config
	}
	prefix := config.Architecture()
	for _, end := range []string{"For", "Model", "LMHead"} {
		prefix, _, _ = strings.Cut(prefix, end)
	}
	if prefix += class; prefix != config.Architecture() {
		list, err := json.Marshal([]string{prefix})
		if err != nil {
			return config
		}
		config = config.With("architectures", string(list))
	}
	if n := a.labels(); n > 0 {
		if config.Object("id2label").Keys() != n {
			config = config.Without("id2label")
		}
		config = config.With("num_labels", strconv.Itoa(n))
	}
	return config
}

// labels returns the number of outputs of the classifier that the adapter brings, or 0.
func (a *Adapter) labels() int {
	if a.settings.Task == "QUESTION_ANS" {
		return 0
	}
	for stored := range a.src.Names() {
		module, last := cutLast(strings.TrimPrefix(stored, "base_model.model."))
		if last != "weight" || !a.settings.keeps(module) {
			continue
		}
		if module == "classifier" || module == "score" || strings.HasSuffix(module, ".out_proj") {
			info, _ := a.src.Lookup(stored)
			if len(info.Shape) == 2 {
				return info.Shape[0]
			}
		}
	}
	return 0
}
