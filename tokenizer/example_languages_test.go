package tokenizer_test

import (
	"fmt"
	"log"
	"os"

	"github.com/seed2010d43f/transformer/tokenizer"
)

func openTestdata(name string) *tokenizer.Tokenizer {
	t, err := tokenizer.Open(os.DirFS("testdata/seq2seq/" + name))
	if err != nil {
		log.Fatal(err)
	}
	return t
}

// A tokenizer for texts in French; the model is told the language that it is to write by its token.
func ExampleTokenizer_WithSource() {
	t, err := openTestdata("nllb").WithSource("fra_Latn")
	if err != nil {
		log.Fatal(err)
	}
	ids, _ := t.Encode("le chat")
	first, _ := t.Token(ids[0])
	last, _ := t.Token(ids[len(ids)-1])
	forced, _ := t.Language("eng_Latn")
	fmt.Println(first, last, forced)
	_, err = t.WithSource("fra_Latin")
	fmt.Println(err)
	// Output:
	// fra_Latn </s> 197
	// tokenizer: no language "fra_Latin" among the 202 there are; the nearest are fra_Latn, afr_Latn, aka_Latn, crh_Latn, fao_Latn
}

// A Marian model of several targets reads the language that it is to write before the text.
func ExampleTokenizer_WithTarget() {
	t, err := openTestdata("marian_many").WithTarget("fra")
	if err != nil {
		log.Fatal(err)
	}
	ids, _ := t.Encode("the cat")
	for _, id := range ids {
		token, _ := t.Token(id)
		fmt.Printf("%s ", token)
	}
	// Output: >>fra<< ▁the ▁cat </s>
}

// Labels are encoded as the model writes them, sources as it reads them.
func ExampleTokenizer_Target() {
	t, err := openTestdata("mbart").WithTarget("fr_XX")
	if err != nil {
		log.Fatal(err)
	}
	source, _ := t.Encode("the cat")
	label, _ := t.Target().Encode("le chat")
	for _, ids := range [][]int{source, label} {
		language, _ := t.Token(ids[len(ids)-1])
		text, _ := t.Decode(ids, true)
		fmt.Println(language, text)
	}
	// Output:
	// en_XX the cat
	// fr_XX le chat
}

func ExampleTokenizer_Languages() {
	t := openTestdata("marian_many")
	fmt.Println(t.Languages())
	id, err := t.Language("ron")
	token, _ := t.Token(id)
	fmt.Println(token, err)
	// Output:
	// [fra ron zlm_Latn]
	// >>ron<< <nil>
}

func ExampleTokenizer_Direction() {
	source, target := openTestdata("nllb").Direction()
	fmt.Println(source, target)
	// Output: eng_Latn fra_Latn
}
