package tokenizer

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What a hostile file of 64 KiB may cost on a text of 8 KiB, or of 2. The machine may be slow and busy.
const (
	hostileFile  = 1 << 16
	hostileTime  = 20 * time.Second
	hostileBytes = 256 << 20 // allocated in all, kept or not
)

// hostileText is the length of a text: the short form of the tests is for emulators, which are slow.
func hostileText() int {
	if testing.Short() {
		return 1 << 11
	}
	return 1 << 13
}

// attack is a tokenizer.json and what is done with it.
type attack struct {
	name  string
	parts map[string]string // of the file, those of words where they are missing
	text  string            // to encode
	ids   []int             // to decode
	want  string            // in the error; "": there is none
	again bool              // fails as another does: the short form leaves it out
}

func (h *attack) file() []byte {
	parts := map[string]string{"model": `{"type":"WordLevel","vocab":{"a":0,"b":1,"<unk>":2},"unk_token":"<unk>"}`}
	for k, v := range h.parts {
		parts[k] = v
	}
	raw := map[string]json.RawMessage{}
	for k, v := range parts {
		raw[k] = json.RawMessage(v)
	}
	data, err := json.Marshal(raw)
	if err != nil {
		panic(fmt.Sprint(h.name, ": ", err))
	}
	return data
}

// run opens the file and uses it.
func (h *attack) run() error {
	tok, err := ParseJSON(h.file())
	if err != nil {
		return err
	}
	if h.ids != nil {
		_, err = tok.Decode(h.ids, false)
		s := tok.NewStream(false)
		for _, id := range h.ids {
			if _, err := s.Push(id); err != nil {
				return err
			}
		}
		return err
	}
	if _, err = tok.Encode(h.text); err != nil {
		return err
	}
	_, err = tok.Windows(Options{AddSpecial: true, ParseSpecial: true}, Truncation{MaxTokens: 4096, Stride: 100}, h.text)
	return err
}

// check measures run.
func (h *attack) check(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err := h.run()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > hostileBytes {
		t.Errorf("%d MiB were allocated", used>>20)
	} else if testing.Verbose() {
		t.Logf("%v, %d MiB, error %.200v", took, used>>20, err)
	}
	if took > hostileTime && !testing.Short() { // the short form is for slow machines and emulators
		t.Errorf("took %v", took)
	}
	if h.want == "" && err != nil || h.want != "" && (err == nil || !strings.Contains(err.Error(), h.want)) {
		t.Errorf("error %.300v, want %q", err, h.want)
	}
}

// quote writes s as JSON does.
func quote(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func replaceStage(pattern, content string) string {
	return fmt.Sprintf(`{"type":"Replace","pattern":%s,"content":%q}`, pattern, content)
}

func stages(key string, list ...string) string {
	return `{"type":"Sequence","` + key + `":[` + strings.Join(list, ",") + `]}`
}

func repeat(s string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = s
	}
	return list
}

func rawTokens(contents ...string) string {
	var list []AddedToken
	for i, c := range contents {
		list = append(list, AddedToken{ID: 100 + i, Content: c})
	}
	return addedJSON(list)
}

func addedJSON(list []AddedToken) string {
	var out []string
	for _, a := range list {
		out = append(out, fmt.Sprintf(`{"id":%d,"content":%s,"normalized":%v,"special":%v}`, a.ID, quote(a.Content), a.Normalized, a.Special))
	}
	return "[" + strings.Join(out, ",") + "]"
}

// charsMapOf returns a precompiled_charsmap that replaces the character a.
func charsMapOf(replacement string) string {
	// a double array: the root's children begin at 1<<8, and the leaf of 'a' at 2<<8
	units := make([]uint32, 3<<8)
	units[0] = 1 << 8 << 10
	at := uint32(1<<8 ^ 'a')
	units[at] = (at^2<<8)<<10 | 1<<8 | 'a'
	units[2<<8] = 1 << 31
	raw := binary.LittleEndian.AppendUint32(nil, uint32(4*len(units)))
	for _, u := range units {
		raw = binary.LittleEndian.AppendUint32(raw, u)
	}
	return base64.StdEncoding.EncodeToString(append(append(raw, replacement...), 0))
}

func zeros(n int) []int { return make([]int, n) }

// hostileGrowth has files that make much of a text, or of ids.
func hostileGrowth() []attack {
	long := strings.Repeat("a", hostileFile-1000)
	aaaa, mixed := strings.Repeat("a", hostileText()), strings.Repeat(",a", hostileText()/2)
	comma := rawTokens(",")
	metaspaces := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`{"type":"Metaspace","replacement":%q,"prepend_scheme":"always","split":true}`, string(rune('A'+i%50))))
		}
		return stages("pretokenizers", append([]string{`{"type":"FixedLength","length":1}`}, list...)...)
	}
	suffix := func(n int) string {
		vocab := []string{`"a":0`}
		for c := range 256 {
			vocab = append(vocab, fmt.Sprintf(`"<0x%02X>":%d`, c, c+1))
		}
		return fmt.Sprintf(`{"type":"BPE","byte_fallback":true,"continuing_subword_prefix":"","end_of_word_suffix":%q,"merges":[],"vocab":{%s}}`,
			strings.Repeat("s", n), strings.Join(vocab, ","))
	}
	normalized := make([]AddedToken, 700)
	for i := range normalized {
		normalized[i] = AddedToken{ID: 100 + i, Content: fmt.Sprintf("a%d", i), Normalized: true}
	}
	big := `{"type":"WordLevel","unk_token":"<unk>","vocab":{"` + strings.Repeat("a", 500) + `":0,"<unk>":1}}`
	return []attack{
		{name: "Replace", parts: map[string]string{"normalizer": replaceStage(`{"String":"a"}`, long)}, text: aaaa, want: "normalizing makes more"},
		{name: "Replace in stretches", parts: map[string]string{"normalizer": replaceStage(`{"String":"a"}`, long), "added_tokens": comma}, text: mixed, want: "normalizing makes more"},
		{name: "Replace within every stretch's own bound", parts: map[string]string{"normalizer": replaceStage(`{"String":"a"}`, long[:40000]), "added_tokens": comma}, text: mixed, want: "normalizing makes more"},
		{name: "Replace by a pattern", parts: map[string]string{"normalizer": replaceStage(`{"Regex":"a"}`, long[:40000]), "added_tokens": comma}, text: mixed, want: "normalizing makes more"},
		{name: "Replace nothing", parts: map[string]string{"normalizer": stages("normalizers", repeat(replaceStage(`{"String":""}`, "aa"), 200)...)}, text: aaaa, want: "normalizing makes more"},
		{name: "Prepend in stretches", parts: map[string]string{"normalizer": `{"type":"Prepend","prepend":"` + long[:40000] + `"}`, "added_tokens": comma}, text: mixed, want: "normalizing makes more"},
		{name: "charsmap", parts: map[string]string{"normalizer": `{"type":"Precompiled","precompiled_charsmap":"` + charsMapOf(long[:40000]) + `"}`, "added_tokens": comma}, text: mixed, want: "charsmap"},
		{name: "charsmap in stretches", parts: map[string]string{"normalizer": stages("normalizers", repeat(`{"type":"Precompiled","precompiled_charsmap":"`+charsMapOf(long[:900])+`"}`, 6)...), "added_tokens": comma}, text: mixed, want: "normalizing makes more"},
		{name: "NFKD", parts: map[string]string{"normalizer": stages("normalizers", repeat(`{"type":"NFKD"}`, 40)...), "added_tokens": comma}, text: strings.Repeat(",ﷺ", hostileText()/4)},
		{name: "normalized added tokens, large", parts: map[string]string{"normalizer": replaceStage(`{"String":"a"}`, long[:30000]), "added_tokens": addedJSON(normalized)}, text: "a", want: "added token"},
		{name: "pieces between normalized added tokens", parts: map[string]string{"added_tokens": addedJSON([]AddedToken{{ID: 9, Content: ",", Normalized: true}}), "pre_tokenizer": metaspaces(200)}, text: mixed, want: "normalizing makes more"},
		{name: "Metaspace", parts: map[string]string{"pre_tokenizer": metaspaces(200)}, text: aaaa, want: "normalizing makes more"},
		{name: "ByteFallback of a suffix", parts: map[string]string{"pre_tokenizer": `{"type":"WhitespaceSplit"}`, "model": suffix(200)}, text: strings.Repeat("x ", hostileText()/2), want: "tokens of a text"},
		{name: "ByteFallback of a long suffix", parts: map[string]string{"pre_tokenizer": `{"type":"WhitespaceSplit"}`, "model": suffix(50000)}, text: strings.Repeat("x ", hostileText()/2), want: "end_of_word_suffix"},
		{name: "template", parts: map[string]string{"post_processor": `{"type":"TemplateProcessing","pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":0}}],"single":[` +
			strings.Repeat(`{"SpecialToken":{"id":"s","type_id":0}},`, 1500) + `{"Sequence":{"id":"A","type_id":0}}],"special_tokens":{"s":{"id":"s","ids":[` + strings.Repeat("1,", 2000) + `1],"tokens":["s"]}}}`}, text: "a", want: "adds"},
		{name: "many stages", parts: map[string]string{"normalizer": stages("normalizers", repeat(`{"type":"NFC"}`, 4000)...)}, text: aaaa, want: "stages"},
		{name: "many nested stages", parts: map[string]string{"pre_tokenizer": stages("pretokenizers", repeat(stages("pretokenizers", repeat(`{"type":"Whitespace"}`, 60)...), 30)...)}, text: aaaa, want: "stages"},
		{name: "decoder Replace", parts: map[string]string{"decoder": replaceStage(`{"String":"a"}`, long[:4000])}, ids: zeros(100000), want: "the decoder makes more"},
		{name: "decoder Replace, long", parts: map[string]string{"decoder": replaceStage(`{"String":"a"}`, long)}, ids: zeros(100000), want: "the decoder makes more"},
		{name: "decoder Replace by a pattern", parts: map[string]string{"decoder": replaceStage(`{"Regex":"a"}`, long[:4000])}, ids: zeros(100000), want: "the decoder makes more"},
		{name: "decoder Replace nothing", parts: map[string]string{"decoder": stages("decoders", repeat(replaceStage(`{"String":""}`, "aa"), 100)...)}, ids: zeros(1000), want: "the decoder makes more"},
		{name: "BPEDecoder", parts: map[string]string{"decoder": stages("decoders", repeat(`{"type":"BPEDecoder","suffix":""}`, 200)...)}, ids: zeros(100000), want: "the decoder makes more"},
		{name: "CTC", parts: map[string]string{"decoder": stages("decoders", repeat(`{"type":"CTC","pad_token":"p","word_delimiter_token":"","cleanup":true}`, 200)...), "model": big}, ids: []int{0, 1, 0, 1}, want: "the decoder makes more"},
		{name: "many decoders", parts: map[string]string{"decoder": stages("decoders", repeat(`{"type":"Fuse"}`, 4000)...)}, ids: zeros(1000), want: "stages"},
	}
}

// hostileTimes has files that take long on a text, or on ids.
func hostileTimes() []attack {
	aaaa := strings.Repeat("a", hostileText())
	almost := strings.Repeat("a", 20000) + "b"
	unigram := func(n int) string {
		return `{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["a",-1],["` + strings.Repeat("a", n) + `b",-2]]}`
	}
	var foreign, merges []string // tokens that no bytes give
	for i := range 1500 {
		foreign = append(foreign, fmt.Sprintf(`"\u4e00%d":%d,"\u4e00%dx":%d`, i, 2*i+1, i, 2*i+2))
		merges = append(merges, fmt.Sprintf(`"\u4e00%d x"`, i))
	}
	return []attack{
		{name: "long tokens", parts: map[string]string{"model": unigram(1000)}, text: aaaa},
		{name: "longer tokens", parts: map[string]string{"model": unigram(30000)}, text: aaaa, want: "bytes"},
		{name: "long words", parts: map[string]string{"model": `{"type":"WordPiece","unk_token":"a","continuing_subword_prefix":"","max_input_chars_per_word":1000000000,"vocab":{"a":0,"` + strings.Repeat("a", 1000) + `b":1}}`}, text: aaaa},
		{name: "long added tokens", parts: map[string]string{"added_tokens": rawTokens(strings.Repeat("a", 500)+"b", "a")}, text: aaaa},
		{name: "added white space", parts: map[string]string{"added_tokens": `[{"id":100,"content":" ","lstrip":true,"rstrip":true,"normalized":false}]`}, text: strings.Repeat(" ", 20*hostileText())},
		{name: "longer added tokens", parts: map[string]string{"added_tokens": rawTokens(almost)}, text: aaaa, want: "added token"},
		{name: "Split at a long string", parts: map[string]string{"pre_tokenizer": stages("pretokenizers", repeat(`{"type":"Split","pattern":{"String":"`+almost[len(almost)-1000:]+`"},"behavior":"Isolated","invert":false}`, 50)...)}, text: aaaa},
		{name: "tokens that no bytes give", parts: map[string]string{"pre_tokenizer": `{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}`,
			"model": `{"type":"BPE","vocab":{"x":0,` + strings.Join(foreign, ",") + `},"merges":[` + strings.Join(merges, ",") + `]}`}, text: aaaa},
		{name: "decoder Strip", parts: map[string]string{"decoder": stages("decoders", `{"type":"Fuse"}`, `{"type":"Strip","content":"a","start":0,"stop":1000000000}`)}, ids: zeros(500000)},
		{name: "decoder Replace of a long string", parts: map[string]string{"decoder": stages("decoders", `{"type":"Fuse"}`, replaceStage(`{"String":"`+almost+`"}`, ""))}, ids: zeros(50000), want: "bytes"},
		{name: "decoder Replace of a string", parts: map[string]string{"decoder": stages("decoders", `{"type":"Fuse"}`, replaceStage(`{"String":"`+almost[len(almost)-500:]+`"}`, ""))}, ids: zeros(100000)},
	}
}

// hostilePatterns has regular expressions that take long, or too much memory.
func hostilePatterns() []attack {
	aaaa := strings.Repeat("a", hostileText())
	split := func(pattern string) string {
		return `{"type":"Split","pattern":{"Regex":` + quote(pattern) + `},"behavior":"Isolated","invert":false}`
	}
	decode := zeros(1)
	manyClasses := ""
	for i := range 1000 {
		manyClasses += `[\w` + string(rune(0x4e00+2*i)) + `-` + string(rune(0x30000+i)) + `]`
	}
	long := `{"type":"WordLevel","unk_token":"<unk>","vocab":{"` + aaaa + `!":0,"<unk>":1}}`
	return []attack{
		{name: "nested loops", parts: map[string]string{"pre_tokenizer": split(`(a+)+$`)}, text: aaaa + "!", want: "took too long"},
		{name: "alternatives", parts: map[string]string{"normalizer": replaceStage(`{"Regex":"(a|aa)+b"}`, "")}, text: aaaa, want: "took too long", again: true},
		{name: "counted loops", parts: map[string]string{"pre_tokenizer": split(`((a{1,1000}){1,1000}){1,1000}b`)}, text: aaaa, want: "too large"},
		{name: "groups", parts: map[string]string{"pre_tokenizer": split(strings.Repeat("(", 8000) + strings.Repeat(")", 8000))}, text: "aaa", want: "nest deeper"},
		{name: "many", parts: map[string]string{"pre_tokenizer": stages("pretokenizers", repeat(split(`a*a*a*b`), 200)...)}, text: aaaa, want: "took too long"},
		{name: "classes", parts: map[string]string{"pre_tokenizer": split(strings.Repeat(`\w`, 8000))}, text: aaaa},
		{name: "many of classes", parts: map[string]string{"pre_tokenizer": stages("pretokenizers", repeat(split(strings.Repeat(`\w`, 30)), 200)...)}, text: aaaa},
		{name: "many large classes", parts: map[string]string{"pre_tokenizer": split(manyClasses)}, text: aaaa, want: "too many classes"},
		{name: "large", parts: map[string]string{"pre_tokenizer": split(`(?:(?:ab){1000}){1000}`)}, text: aaaa, want: "too large"},
		{name: "deep look", parts: map[string]string{"pre_tokenizer": split(strings.Repeat("(?=", 200) + "a" + strings.Repeat(")", 200))}, text: "aaa"},
		{name: "in a decoder", parts: map[string]string{"decoder": stages("decoders", repeat(replaceStage(`{"Regex":"(a+)+$"}`, ""), 100)...), "model": long}, ids: decode, want: "took too long"},
	}
}

func TestHostilePatterns(t *testing.T) {
	for _, h := range hostilePatterns() {
		if testing.Short() && h.again {
			continue
		}
		t.Run(h.name, h.check)
	}
}

// TestHostileGrowth, TestHostileTimes and TestHostilePatterns open files that nobody publishes: each costs little, and
// says why it fails.
func TestHostileGrowth(t *testing.T) {
	for _, h := range hostileGrowth() {
		t.Run(h.name, h.check)
	}
}

func TestHostileTimes(t *testing.T) {
	for _, h := range hostileTimes() {
		t.Run(h.name, h.check)
	}
}
