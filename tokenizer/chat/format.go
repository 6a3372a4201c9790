package chat

import (
	"regexp"
	"strings"
)

// Format is how a model marks, in what it writes, its thoughts and the calls of tools. [Templates.Format] finds it from
// what the template writes. The zero value marks nothing: all is content.
type Format struct {
	thoughts []marks
	calls    []syntax
	frames   []string // marks around content, which are dropped
	bare     bool     // an answer that is nothing but an object is a call
}

// marks stand around a part of a text. Without close the part goes on to the end.
type marks struct{ open, close string }

// syntax is one way to write calls: between its marks.
type syntax struct {
	marks
	read func(body string) []written // nil where body holds no call
}

// Format returns how the model marks thoughts and calls. name is that of a template, "" the usual one.
func (c *Templates) Format(name string) (Format, error) {
	t, err := c.choose(&Options{Template: name})
	if err != nil {
		return Format{}, err
	}
	return formatOf(t.Source()), nil
}

// formatOf finds the marks that a template contains.
func formatOf(source string) Format {
	var f Format
	has := func(s string) bool { return strings.Contains(source, s) }
	for _, x := range thoughts {
		if has(x.sign) {
			f.thoughts = append(f.thoughts, x.marks)
		}
	}
	if m := suffixed.FindStringSubmatch(source); m != nil && has("<tool_call{}>") { // <tool_call:NAME>, with one name for all tags
		tag := m[1]
		f.calls = append(f.calls, syntax{marks{"<tool_call" + tag + ">", "</tool_call" + tag + ">"}, tagged})
		f.frames = append(f.frames, "<tool_calls"+tag+">", "</tool_calls"+tag+">")
		f.thoughts = append(f.thoughts, marks{"<think" + tag + ">", "</think" + tag + ">"})
	}
	for _, x := range syntaxes {
		if has(x.sign) && (x.without == "" || !has(x.without)) {
			f.calls = append(f.calls, x.syntax)
		}
	}
	for _, x := range frames {
		if has(x.sign) {
			f.frames = append(f.frames, x.marks...)
		}
	}
	f.bare = has("<|start_header_id|>")
	return f
}

var suffixed = regexp.MustCompile(`set \w+ = '(:\w+)'`)

// thoughts are the marks of reasoning. A template that contains the sign uses them.
var thoughts = []struct {
	sign string
	marks
}{
	{"</think>", marks{"<think>", "</think>"}},
	{"</seed:think>", marks{"<seed:think>", "</seed:think>"}},
	{"[THINK]", marks{"[THINK]", "[/THINK]"}},
	{"<|START_THINKING|>", marks{"<|START_THINKING|>", "<|END_THINKING|>"}},
	{"<|inner_prefix|>", marks{"<|inner_prefix|>", "<|inner_suffix|>"}},
	{"<|channel>", marks{"<|channel>thought", "<channel|>"}},
	{"<|channel|>analysis", marks{"<|channel|>analysis<|message|>", "<|end|>"}},
	{"<|open|>", marks{"<|open|>think<|sep|>", "<|close|>think<|sep|>"}},
}

// syntaxes are the ways to write calls, those first whose marks contain those of others. A template that contains the
// sign uses them, unless it contains what stands under without.
var syntaxes = []struct {
	sign, without string
	syntax
}{
	{"｜DSML｜", "", syntax{marks{"<｜DSML｜function_calls>", "</｜DSML｜function_calls>"}, invoked("｜DSML｜")}},
	{"｜DSML｜", "", syntax{marks{"<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>"}, invoked("｜DSML｜")}},
	{"minimax:tool_call", "", syntax{marks{"<minimax:tool_call>", "</minimax:tool_call>"}, invoked("")}},
	{"<tool_call>", "", syntax{marks{"<tool_call>", "</tool_call>"}, tagged}},
	{"<seed:tool_call>", "", syntax{marks{"<seed:tool_call>", "</seed:tool_call>"}, tagged}},
	{"<tool_calls>", "", syntax{marks{"<tool_calls>", "</tool_calls>"}, objects}},
	{"<TOOLCALL>", "", syntax{marks{"<TOOLCALL>", "</TOOLCALL>"}, objects}},
	{"<|tools_prefix|>", "", syntax{marks{"<|tools_prefix|>", "<|tools_suffix|>"}, objects}},
	{"<|START_ACTION|>", "", syntax{marks{"<|START_ACTION|>", "<|END_ACTION|>"}, objects}},
	{"<|function_call|>", "", syntax{marks{"<|function_call|>", ""}, objects}},
	{"<|open|>", "", syntax{marks{"<|open|>tools<|sep|>", "<|close|>tools<|sep|>"}, opened}},
	{"<|tool_calls_section_begin|>", "", syntax{marks{"<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"}, sectioned}},
	{"<|tool_call_start|>", "", syntax{marks{"<|tool_call_start|>", "<|tool_call_end|>"}, pythonic}},
	{"[TOOL_CALLS]", "", syntax{marks{"[TOOL_CALLS]", ""}, mistral}},
	{"<｜tool▁calls▁begin｜>", "", syntax{marks{"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"}, deepseek}},
	{"<|tool_call>", "", syntax{marks{"<|tool_call>", "<tool_call|>"}, gemma}},
	{`<function name="`, "", syntax{marks{`<function name="`, "</function>"}, named}},
	{"<function=", "<tool_call>", syntax{marks{"<function=", "</function>"}, functions}},
	{"<|python_tag|>", "", syntax{marks{"<|python_tag|>", ""}, objects}},
	{"<|channel|>commentary", "", syntax{marks{"<|channel|>commentary to=functions.", "<|call|>"}, harmony}},
	{"<|channel|>commentary", "", syntax{marks{" to=functions.", "<|call|>"}, harmony}},
}

// frames are marks that stand around content and say nothing of it.
var frames = []struct {
	sign  string
	marks []string
}{
	{"<|START_TEXT|>", []string{"<|START_TEXT|>", "<|END_TEXT|>"}},
	{"<|START_RESPONSE|>", []string{"<|START_RESPONSE|>", "<|END_RESPONSE|>"}},
	{"<|open|>", []string{"<|open|>response<|sep|>", "<|close|>response<|sep|>", "<|close|>message<|sep|>"}},
	{"<|channel|>commentary", []string{"<|channel|>final<|message|>", "<|channel|>commentary<|message|>", "<|start|>assistant", "<|end|>", "<|return|>"}},
}
