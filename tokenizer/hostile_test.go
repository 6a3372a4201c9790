package tokenizer

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/sidefile/hostile"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// Files of a tokenizer that are no files, or not as long as they say, give an error that names them.
func TestHostileFiles(t *testing.T) {
	text := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	pieces := &fstest.MapFile{Data: spFile(sentencepiece.Control, sentencepiece.TypeUnigram, "<unk>", "▁", "a", "b", "</s>")}
	const vocab = `{"<unk>":0,"</s>":1,"<pad>":2,"a":3,"b":4,"▁":5}`
	for _, folder := range []fstest.MapFS{
		{"tokenizer.json": text(bytePairs), "tokenizer_config.json": text("{}"), "config.json": text("{}"), "special_tokens_map.json": text("{}"), "added_tokens.json": text("{}")},
		{"tokenizer.model": pieces}, {"spiece.model": pieces}, {"sentencepiece.bpe.model": pieces},
		{"vocab.json": text(`{"a":0,"b":1,"ab":2}`), "merges.txt": text("a b\n")},
		{"spm.model": {Data: spFile(sentencepiece.Control, sentencepiece.TypeUnigram, "[PAD]", "[CLS]", "[SEP]", "[UNK]", "a")}, "config.json": text(`{"model_type":"deberta-v2"}`)},
		{"tekken.json": text(`{"config":{"pattern":"a"},"special_tokens":[{"rank":0,"token_str":"<s>"}],"vocab":[{"token_bytes":"YQ=="}]}`)},
		{"tokenizer.model": text("YQ== 0\nYg== 1\n"), "config.json": text(`{"model_type":"llama"}`)},
		{"tiktoken.model": text("YQ== 0\nYg== 1\n"), "config.json": text(`{"model_type":"kimi_k2"}`)},
		{"vocab.txt": text("[UNK]\n[CLS]\n[SEP]\na\n")},
		{"source.spm": pieces, "target.spm": pieces, "vocab.json": text(vocab), "target_vocab.json": text(vocab),
			"tokenizer_config.json": text(`{"tokenizer_class":"MarianTokenizer","separate_vocabs":true}`)},
		{"sentencepiece.bpe.model": pieces, "vocab.json": text(vocab), "tokenizer_config.json": text(`{"tokenizer_class":"M2M100Tokenizer"}`)},
	} {
		if _, err := Open(folder); err != nil {
			t.Errorf("%v: %v", slices.Sorted(maps.Keys(folder)), err)
			continue
		}
		for file := range folder {
			errs := hostile.Check(t, hostile.Folders(t, folder, file), 1<<20, func(fsys fs.FS) error {
				_, err := Open(fsys)
				return err
			})
			for name, err := range errs {
				if err != nil && (!strings.HasPrefix(err.Error(), "tokenizer: ") || !strings.Contains(err.Error(), file)) {
					t.Errorf("%s: %s: %v", file, name, err)
				}
			}
		}
	}
}
