package tokenizer

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// seq2seqFile returns a file of a folder of testdata/seq2seq.
func seq2seqFile(tb testing.TB, dir, name string) []byte {
	return tensortest.ReadFile(tb, "testdata/seq2seq/"+dir+"/"+name)
}

func TestLanguages(t *testing.T) {
	for _, c := range []struct {
		dir    string
		n      int
		code   string
		id     int
		source string
		target string
	}{
		{"mbart", 25, "zh_CN", 175, "en_XX", ""},
		{"mbart50", 52, "sl_SI", 202, "en_XX", ""},
		{"nllb", 202, "zul_Latn", 352, "eng_Latn", "fra_Latn"},
		{"nllb_legacy", 202, "ace_Arab", 151, "fra_Latn", ""},
		{"nllb_published", 202, "zul_Latn", 352, "eng_Latn", ""},
		{"m2m100", 100, "zu", 250, "en", ""},
		{"m2m100_plain", 100, "af", 151, "fr", "en"},
		{"wmt21", 8, "de", 158, "ha", "en"},
		{"marian_many", 3, "zlm_Latn", -1, "", ""},
	} {
		t.Run(c.dir, func(t *testing.T) {
			tok := openDir(t, "testdata/seq2seq/"+c.dir)
			if got := tok.Languages(); len(got) != c.n || !slices.Contains(got, c.code) {
				t.Errorf("%d languages %v, want %d with %s", len(got), got, c.n, c.code)
			}
			id, err := tok.Language(c.code)
			if err != nil || c.id >= 0 && id != c.id {
				t.Errorf("%s is %d, %v, want %d", c.code, id, err, c.id)
			}
			if from, to := tok.Direction(); from != c.source || to != c.target {
				t.Errorf("from %q to %q, want %q and %q", from, to, c.source, c.target)
			}
			if _, err := tok.Language("xx_YY"); err == nil || !strings.Contains(err.Error(), `"xx_YY"`) {
				t.Errorf("error %v does not name the code", err)
			}
		})
	}
}

// TestNearestLanguages looks for codes that are almost there.
func TestNearestLanguages(t *testing.T) {
	tok := openDir(t, "testdata/seq2seq/nllb")
	for code, want := range map[string]string{"fr": "fra_Latn", "eng": "eng_Latn", "zho": "zho_Hans", "deu_latn": "deu_Latn", "": ""} {
		_, err := tok.WithSource(code)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v does not offer %s", code, err, want)
		}
	}
	long := strings.Repeat("eng_", 1<<20)
	if _, err := tok.Language(long); err == nil {
		t.Error("a long code is a language")
	}
}

// TestTokenizersWithoutLanguages checks what those that have none answer.
func TestTokenizersWithoutLanguages(t *testing.T) {
	for _, dir := range []string{"t5_spiece", "bart", "pegasus", "marian_separate"} {
		tok := openDir(t, "testdata/seq2seq/"+dir)
		if got := tok.Languages(); len(got) > 0 {
			t.Errorf("%s has languages %v", dir, got)
		}
		for _, f := range []func(string) (*Tokenizer, error){tok.WithSource, tok.WithTarget} {
			if _, err := f("en_XX"); err == nil || !strings.Contains(err.Error(), `"en_XX"`) {
				t.Errorf("%s: error %v", dir, err)
			}
		}
		if dir != "marian_separate" && tok.Target() != tok {
			t.Errorf("%s: the target is another tokenizer", dir)
		}
	}
}

// TestTargets encodes what a model is to write, in the languages of a pair.
func TestTargets(t *testing.T) {
	for dir, codes := range map[string][2]string{"mbart": {"fr_XX", "ro_RO"}, "mbart50": {"fr_XX", "ro_RO"},
		"nllb": {"zul_Latn", "ron_Latn"}, "m2m100": {"fr", "ro"}} {
		tok := openDir(t, "testdata/seq2seq/"+dir)
		before, err := tok.Encode("The cat")
		if err != nil {
			t.Fatal(err)
		}
		from, err := tok.WithSource(codes[0])
		if err != nil {
			t.Fatal(err)
		}
		both, err := from.WithTarget(codes[1])
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range []*Tokenizer{both, both.Target()} {
			ids, err := x.Encode("The cat")
			id, _ := tok.Language(codes[i])
			if err != nil || !slices.Contains(ids, id) || len(ids) != len(before) {
				t.Errorf("%s: %v, %v lacks %d", dir, ids, err, id)
			}
		}
		if after, _ := tok.Encode("The cat"); !slices.Equal(before, after) {
			t.Errorf("%s: the tokenizer has changed: %v, %v", dir, before, after)
		}
	}
}

// TestMarianTarget sets the language that a Marian model translates into.
func TestMarianTarget(t *testing.T) {
	tok := openDir(t, "testdata/seq2seq/marian_many")
	to, err := tok.WithTarget("fra")
	if err != nil {
		t.Fatal(err)
	}
	got, err := to.Encode("The cat sat")
	want, err2 := tok.Encode(">>fra<< The cat sat")
	if err != nil || err2 != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, want %v, %v, %v", got, want, err, err2)
	}
	label, err := to.Target().Encode("le chat")
	plain, err2 := tok.Target().Encode("le chat")
	if err != nil || err2 != nil || !slices.Equal(label, plain) {
		t.Errorf("label %v, want %v, %v, %v", label, plain, err, err2)
	}
	if _, err := tok.WithSource("fra"); err == nil || !strings.Contains(err.Error(), "WithTarget") {
		t.Errorf("error %v", err)
	}
	// Text of others must not choose the language.
	ids, err := tok.AppendEncode(nil, ">>fra<< The cat", Options{})
	id, _ := tok.Language("fra")
	if err != nil || slices.Contains(ids, id) {
		t.Errorf("%v, %v has %d", ids, err, id)
	}
}

// TestSpelledOut encodes special tokens as text: none of them must come of it.
func TestSpelledOut(t *testing.T) {
	for _, dir := range []string{"t5_spiece", "umt5", "mbart", "mbart50", "nllb", "pegasus", "m2m100", "marian_many", "bart"} {
		tok := openDir(t, "testdata/seq2seq/"+dir)
		var text strings.Builder
		for _, a := range tok.AddedTokens() {
			text.WriteString("the " + a.Content + "cat" + a.Content + " " + a.Content)
		}
		for range 2 { // the second time words are known
			if _, err := tok.Encode(text.String()); err != nil {
				t.Fatal(err)
			}
			ids, err := tok.AppendEncode(nil, text.String(), Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range ids {
				if i, ok := tok.added.Index(id); ok && tok.added.Tokens[i].Special && id != tok.special.UNK {
					t.Errorf("%s: text gives %d, %s", dir, id, tok.added.Tokens[i].Content)
					break
				}
			}
		}
	}
}

// TestMalformedFolders opens folders of encoder–decoder models that have something wrong.
func TestMalformedFolders(t *testing.T) {
	with := func(dir string, change map[string]string, names ...string) fstest.MapFS {
		files := fstest.MapFS{}
		for _, name := range names {
			files[name] = &fstest.MapFile{Data: seq2seqFile(t, dir, name)}
		}
		for name, data := range change {
			if files[name] = (&fstest.MapFile{Data: []byte(data)}); data == "-" {
				delete(files, name)
			}
		}
		return files
	}
	marian := []string{"source.spm", "target.spm", "vocab.json", "config.json"}
	m2m := []string{"sentencepiece.bpe.model", "vocab.json", "config.json"}
	t5 := []string{"spiece.model", "config.json"}
	huge := `{"tokenizer_class":"T5Tokenizer","extra_ids":1000000000}`
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"no target model":         {with("marian_many", map[string]string{"target.spm": "-"}, marian...), "target.spm"},
		"no vocabulary":           {with("marian_many", map[string]string{"vocab.json": "-"}, marian...), "vocab.json"},
		"no target vocabulary":    {with("marian_many", map[string]string{"tokenizer_config.json": `{"separate_vocabs":true}`}, marian...), "target_vocab.json"},
		"broken model":            {with("marian_many", map[string]string{"source.spm": "\x0a\xff"}, marian...), "source.spm"},
		"broken vocabulary":       {with("marian_many", map[string]string{"vocab.json": `{"a":-1}`}, marian...), "vocab.json"},
		"no unknown token":        {with("marian_many", map[string]string{"vocab.json": `{"a":0,"</s>":1}`}, marian...), "<unk>"},
		"no end":                  {with("marian_many", map[string]string{"vocab.json": `{"a":0,"<unk>":1}`, "tokenizer_config.json": `{"eos_token":""}`}, marian...), "ends a text"},
		"huge id":                 {with("marian_many", map[string]string{"vocab.json": `{"<unk>":0,"</s>":16777215}`}, marian...), "largest id"},
		"empty model":             {with("m2m100", map[string]string{"sentencepiece.bpe.model": ""}, m2m...), "no pieces"},
		"empty vocabulary":        {with("m2m100", map[string]string{"vocab.json": "{}"}, m2m...), "<unk>"},
		"ids beyond their number": {with("m2m100", map[string]string{"vocab.json": `{"<unk>":0,"</s>":1,"a":5}`}, m2m...), "share id 5"},
		"no such source":          {with("m2m100", map[string]string{"tokenizer_config.json": `{"src_lang":"french"}`}, m2m...), "french"},
		"many sentinels":          {with("t5_spiece", map[string]string{"tokenizer_config.json": huge}, t5...), "extra_ids is 1000000000"},
		"fewer than none":         {with("t5_spiece", map[string]string{"tokenizer_config.json": `{"extra_ids":-1}`}, t5...), "extra_ids is -1"},
		"many unused":             {with("pegasus", map[string]string{"tokenizer_config.json": `{"offset":99999999}`}, t5...), "offset is 99999999"},
		"bytes as Unigram":        {with("nllb", map[string]string{"config.json": `{"model_type":"mbart"}`, "tokenizer_config.json": "{}"}, "sentencepiece.bpe.model"), "model type 2"},
		"Unigram as bytes":        {with("mbart", map[string]string{"config.json": `{"model_type":"nllb"}`}, "sentencepiece.bpe.model"), "model type 1"},
	} {
		_, err := Open(c.files)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "tokenizer: ") {
			t.Errorf("%s: error %v does not say %q", name, err, c.want)
		}
	}
}

// FuzzOpenModels feeds malformed SentencePiece models, vocabularies and configurations to every class.
func FuzzOpenModels(f *testing.F) {
	for class, dir := range map[byte]string{0: "t5_spiece", 1: "mbart", 2: "mbart50", 3: "nllb", 4: "pegasus", 5: "m2m100", 6: "marian_many"} {
		name := map[byte]string{0: "spiece.model", 4: "spiece.model", 6: "source.spm"}[class]
		if name == "" {
			name = "sentencepiece.bpe.model"
		}
		vocab := "{}"
		if class >= 5 {
			vocab = string(seq2seqFile(f, dir, "vocab.json"))
		}
		f.Add(class, seq2seqFile(f, dir, name), vocab, `{"src_lang":"fr","legacy_behaviour":true}`)
	}
	f.Add(byte(6), spFile(sentencepiece.UserDefined, sentencepiece.TypeUnigram, "<unk>", "▁", "a", "▁a", "ab"), `{"<unk>":0,"</s>":1,">>a<<":2,"ab":3}`, `{}`)
	f.Add(byte(5), spFile(sentencepiece.UserDefined, sentencepiece.TypeBPE, "<unk>", "▁", "a", "▁a", "ab"), `{"<unk>":0,"</s>":1,"a":2,"ab":3}`, `{}`)
	families := []string{"t5", "mbart", "mbart50", "nllb", "pegasus", "m2m_100", "marian"}
	f.Fuzz(func(t *testing.T, class byte, model []byte, vocab, config string) {
		if len(model)+len(vocab)+len(config) > 1<<15 {
			t.Skip()
		}
		family := families[int(class)%len(families)]
		files := fstest.MapFS{"config.json": {Data: []byte(`{"model_type":"` + family + `"}`)}, "vocab.json": {Data: []byte(vocab)},
			"tokenizer_config.json": {Data: []byte(config)}}
		for _, name := range []string{"spiece.model", "source.spm", "target.spm", "sentencepiece.bpe.model"} {
			files[name] = &fstest.MapFile{Data: model}
		}
		tok, err := Open(files)
		if err != nil {
			return
		}
		for _, text := range []string{"", ">>a<< a  b\n", " ab▁é\u0301 ½ </s>x"} {
			checkRoundTrip(t, tok.Target(), text, false)
			if _, err := tok.Encode(text); err != nil {
				t.Fatal(err)
			}
		}
	})
}
