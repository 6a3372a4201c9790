package task

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/sidefile/hostile"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
)

// Files that are no files, or not as long as they say, give an error that names them, whatever is opened.
func TestHostileFiles(t *testing.T) {
	transformer := map[string]string{"modules.json": `[{"idx":0,"path":"","type":"x.Transformer"},{"idx":1,"path":"1","type":"x.Pooling"},
		{"idx":2,"path":"2","type":"x.Dense"}]`, "1/config.json": "{}", "2/config.json": `{"in_features": 32, "out_features": 3}`,
		"sentence_bert_config.json": "{}", "config_sentence_transformers.json": "{}"}
	dense := map[string]map[string][]int{"2/model.safetensors": {"linear.weight": {3, 32}, "linear.bias": {3}}}
	named := func(name string) fstest.MapFS { return expected.Checkpoints[name].fs() }
	none := model.Options{}
	for i, c := range []struct {
		folder fstest.MapFS
		open   func(fs.FS) error
	}{
		{named("masked"), func(f fs.FS) error { return second(OpenFillMask(f, none)) }},
		{named("single"), func(f fs.FS) error { return second(OpenClassifier(f, none)) }},
		{named("one"), func(f fs.FS) error { return second(OpenReranker(f, none)) }},
		{named("roberta tokens"), func(f fs.FS) error { return second(OpenTagger(f, none)) }},
		{named("xlm-roberta answers"), func(f fs.FS) error { return second(OpenAnswerer(f, none)) }},
		{named("next"), func(f fs.FS) error { return second(OpenNextSentence(f, none)) }},
		{named("choice"), func(f fs.FS) error { return second(OpenMultipleChoice(f, none)) }},
		{expected.Checkpoints["features"].with(transformer, dense).fs(), func(f fs.FS) error { return second(OpenEmbedder(f, none)) }},
		{expected.Checkpoints["features"].with(nil, expected.M3.Weights).fs(), func(f fs.FS) error { return second(OpenM3(f, none)) }},
		{withState(map[string][]byte{"sparse_linear.pt": sparsePT, "colbert_linear.pt": colbertPT}), func(f fs.FS) error { return second(OpenM3(f, none)) }},
		{Published("static"), func(f fs.FS) error { return second(OpenEmbedder(f, none)) }},
		{Published("cross-encoder with Pooling and Dense"), func(f fs.FS) error { return second(OpenReranker(f, none)) }},
		{Published("BART for NLI"), func(f fs.FS) error { return second(OpenZeroShot(f, none)) }},
		{textToText(t), func(f fs.FS) error { return second(OpenTextToText(f, none)) }},
	} {
		if testing.Short() && i%4 != 0 {
			continue
		}
		for file := range c.folder {
			errs := hostile.Check(t, hostile.Folders(t, c.folder, file), 80<<20, c.open)
			for name, err := range errs {
				if base := file[strings.LastIndexByte(file, '/')+1:]; err != nil && !strings.Contains(err.Error(), base) {
					t.Errorf("%s: %s: %v", file, name, err)
				}
			}
		}
	}
}

// Lists in the files of an embedder take memory in proportion too.
func TestHeap(t *testing.T) {
	const size = 1 << 19
	transformer := `{"idx":0,"path":"","type":"x.Transformer"}`
	modules := "[" + transformer + `,{"idx":1,"path":"1","type":"x.Pooling"}]`
	for file, text := range map[string]string{
		"modules.json":                      "[" + transformer + strings.Repeat(`,{}`, size/3) + "]",
		"1/config.json":                     `{"pooling_mode":["cls"` + strings.Repeat(`,"cls"`, size/6) + "]}",
		"config_sentence_transformers.json": `{"prompts":{` + hostile.Many(size, func(i int) string { return fmt.Sprintf(`"%x":"",`, i) }) + `"x":""},"default_prompt_name":"?"}`,
		"sentence_bert_config.json":         `{` + hostile.Many(size, func(i int) string { return fmt.Sprintf(`"%x":"",`, i) }) + `"x":""}`,
		"tokenizer_config.json":             `{` + hostile.Many(size, func(i int) string { return fmt.Sprintf(`"%x":"",`, i) }) + `"x":""}`,
	} {
		t.Run(file, func(t *testing.T) {
			files := map[string]string{"modules.json": modules, "1/config.json": "{}"}
			files[file] = text
			folder := expected.Checkpoints["features"].with(files, nil).fs()
			hostile.CheckHeap(t, folder, 64<<20, func() error { return second(OpenEmbedder(folder, model.Options{})) })
		})
	}
}

// textToText returns the folder of a small T5 of random weights.
func textToText(t *testing.T) fstest.MapFS {
	t.Helper()
	const tokens = "../../tokenizer/testdata/seq2seq/t5_few/"
	config := []byte(`{"model_type": "t5", "vocab_size": 200, "d_model": 16, "d_kv": 4, "d_ff": 24, "num_layers": 1, "num_heads": 4}`)
	src := checkpoint.Random(3, tensor.F32)
	must(model.NewEncoderDecoder(config, src, model.Options{}))
	var weights bytes.Buffer
	if err := safetensors.Write(&weights, src, nil); err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{"config.json": {Data: config}, "generation_config.json": {Data: []byte("{}")}, "model.safetensors": {Data: weights.Bytes()},
		"spiece.model": {Data: must(os.ReadFile(tokens + "spiece.model"))}, "tokenizer_config.json": {Data: must(os.ReadFile(tokens + "tokenizer_config.json"))}}
}
