package task

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// everyTokenizer returns a tokenizer of every class that the tests have files of.
func everyTokenizer(t *testing.T) map[string]*tokenizer.Tokenizer {
	all := map[string]*tokenizer.Tokenizer{}
	add := func(name string, fsys fs.FS) {
		tok, err := tokenizer.Open(fsys)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = tok
	}
	folders := func(pattern string) {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%d files %s (%v)", len(found), pattern, err)
		}
		for _, f := range found {
			if strings.HasSuffix(f, ".model") {
				data, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				add(filepath.Base(f), fstest.MapFS{"tokenizer.model": {Data: data}})
			} else if info, err := os.Stat(f); err == nil && info.IsDir() && filepath.Base(f) != "sentencepiece" {
				add(filepath.Base(f), os.DirFS(f))
			}
		}
	}
	for _, name := range []string{"answers", "roberta answers", "xlm-roberta answers"} {
		add(name, Tiny(name))
	}
	folders("../../tokenizer/testdata/seq2seq/*")
	if root := os.Getenv("TRANSFORMER_FIXTURES"); root != "" {
		folders(root + "/tokenizers/*")
		folders(root + "/tokenizers/sentencepiece/*")
	}
	return all
}

// spelled returns texts that spell out special and added tokens of a tokenizer.
func spelled(tok *tokenizer.Tokenizer) []string {
	var tokens []string
	s := tok.Special()
	for _, id := range []int{s.BOS, s.EOS, s.PAD, s.UNK, s.SEP, s.CLS, s.Mask} {
		if token, ok := tok.Token(id); ok && !slices.Contains(tokens, token) {
			tokens = append(tokens, token)
		}
	}
	for i, a := range tok.AddedTokens() {
		if i%(1+len(tok.AddedTokens())/6) == 0 && !slices.Contains(tokens, a.Content) {
			tokens = append(tokens, a.Content)
		}
	}
	var texts []string
	for _, token := range tokens {
		texts = append(texts, token, token+token, "a "+token+" cat", "é"+token+"日本 "+token)
	}
	return append(texts, strings.Join(tokens, ""), " "+strings.Join(tokens, " ")+" ")
}

// TestSpecialTokensEverywhere gives every task texts that spell out special tokens, with every tokenizer: there is an
// answer, or an error that says what is wrong.
func TestSpecialTokensEverywhere(t *testing.T) {
	for name, tok := range everyTokenizer(t) {
		t.Run(name, func(t *testing.T) {
			texts := spelled(tok)
			for task, use := range everyTask(tok) {
				for i, text := range texts {
					err := use(text, texts[len(texts)-1-i])
					known := err == nil || slices.ContainsFunc([]string{"it has no mask", "is empty", "it has no tokens", "the texts do not fit", "leave nothing to embed"},
						func(s string) bool { return strings.Contains(err.Error(), s) })
					if !known {
						t.Errorf("%s, %q: %v", task, text, err)
					}
				}
			}
		})
	}
}

// everyTask returns what uses two texts for each task, with a small encoder of random weights.
func everyTask(tok *tokenizer.Tokenizer) map[string]func(a, b string) error {
	encoder := func(architecture string, labels int) *model.Encoder {
		names := map[int]string{0: `{"0":"x"}`, 1: `{"0":"x"}`, 3: `{"0":"O","1":"B-X","2":"I-X"}`}[labels]
		config := fmt.Sprintf(`{"model_type":"bert","architectures":[%q],"vocab_size":%d,"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,
			"intermediate_size":8,"max_position_embeddings":40,"type_vocab_size":2,"id2label":%s}`, architecture, tok.VocabSize(), names)
		e := must(model.NewEncoder([]byte(config), checkpoint.Random(1, tensor.F32), model.Options{}))
		e.Tokenizer = tok
		return e
	}
	classifier := must(NewClassifier(encoder("BertForSequenceClassification", 3)))
	reranker := must(NewReranker(encoder("BertForSequenceClassification", 1)))
	next := must(NewNextSentence(encoder("BertForNextSentencePrediction", 0)))
	choice := must(NewMultipleChoice(encoder("BertForMultipleChoice", 0)))
	answerer := must(NewAnswerer(encoder("BertForQuestionAnswering", 0)))
	answerer.Impossible, answerer.Stride = true, 4
	tagger := must(NewTagger(encoder("BertForTokenClassification", 3)))
	tagger.Ignore = nil
	embedder := must(NewEmbedder(encoder("BertModel", 0)))
	embedder.PoolPrompt = false
	m3 := &M3{Embedder: *embedder, Sparse: nn.Linear{Weight: tensor.WeightFrom(tensor.New(1, 8))}, ColBERT: nn.Linear{Weight: tensor.WeightFrom(tensor.New(3, 8))}}
	all := map[string]func(a, b string) error{
		"Classifier":     func(a, b string) error { return second(classifier.Classify(a, b)) },
		"pairs":          func(a, b string) error { return second(classifier.ClassifyPairs(Pair{a, b})) },
		"Reranker":       func(a, b string) error { return second(reranker.Rerank(a, b, a, "")) },
		"NextSentence":   func(a, b string) error { return second(next.Follows(Pair{a, b})) },
		"MultipleChoice": func(a, b string) error { return second(choice.Choose(a, b, a)) },
		"Embedder":       func(a, b string) error { return second(embedder.EncodeWith(a, b)) },
		"M3":             func(a, b string) error { return second(m3.Encode(a, b)) },
		"Answerer": func(a, b string) error {
			answerer.WithinWords = !answerer.WithinWords
			return second(answerer.Answer(a, b, 5))
		},
		"Tagger": func(a, b string) error {
			tagger.Strategy = (tagger.Strategy + 1) % (Max + 1)
			return second(tagger.Tag(a, b))
		},
	}
	if tok.Special().Mask >= 0 {
		fill := must(NewFillMask(encoder("BertForMaskedLM", 0)))
		all["FillMask"] = func(a, b string) error { return second(fill.Fill(a+b, 2)) }
		all["words"] = func(a, b string) error { return second(fill.FillFrom(fill.MaskToken()+b, []string{a, b})) }
	}
	return all
}

// TestSpecialTokensWritten gives sources that spell out special tokens to encoder–decoders of every class.
func TestSpecialTokensWritten(t *testing.T) {
	for folder, c := range map[string]struct{ family, keys, from, to string }{
		"mbart": {"mbart", "", "en_XX", "ro_RO"}, "mbart50": {"mbart", `, "decoder_start_token_id": 2`, "en_XX", "fr_XX"},
		"nllb": {"m2m_100", "", "eng_Latn", "fra_Latn"}, "m2m100": {"m2m_100", "", "en", "fr"},
		"marian_many": {"marian", `, "pad_token_id": 2, "decoder_start_token_id": 2`, "", "fra"}, "bart": {"bart", "", "", ""},
		"t5_few": {"t5", "", "", ""}, "pegasus": {"pegasus", "", "", ""}, "mt5": {"mt5", "", "", ""}, "umt5": {"umt5", "", "", ""},
	} {
		t.Run(folder, func(t *testing.T) {
			w := writer(t, folder, c.family, c.keys)
			if c.to != "" {
				w = must(w.Translate(c.from, c.to))
			}
			for _, text := range spelled(w.Model.Encoder.Tokenizer) {
				u := *w
				u.Prefix = text
				out, err := u.Generate(context.Background(), text)
				if err == nil && len(out) != 1 || err != nil && !strings.Contains(err.Error(), "the texts do not fit") {
					t.Errorf("%q: %v, %v", text, out, err)
				}
			}
		})
	}
}
