package jinja

import (
	"fmt"
	"strings"
	"testing"
)

// chatml is a template of the usual size, with what templates do: roles, tools, a loop with conditions.
const chatml = `{%- if tools %}
    {{- '<|im_start|>system\n' }}
    {%- if messages[0]['role'] == 'system' %}{{- messages[0]['content'] }}{%- else %}{{- 'You are helpful.' }}{%- endif %}
    {%- for tool in tools %}{{- "\n" }}{{- tool | tojson }}{%- endfor %}
    {{- "<|im_end|>\n" }}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- for tool_call in message.tool_calls %}{{- '\n<tool_call>\n{"name": "' }}{{- tool_call.name }}{{- '", "arguments": ' }}{{- tool_call.arguments | tojson }}{{- '}\n</tool_call>' }}{%- endfor %}
        {{- '<|im_end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}`

// A conversation of 100 messages.
func BenchmarkRender(b *testing.B) {
	var messages []string
	for i := range 100 {
		messages = append(messages, fmt.Sprintf(`{"role": %q, "content": %q}`, []string{"user", "assistant"}[i%2], strings.Repeat("some words ", 20)))
	}
	v, err := FromJSON(fmt.Appendf(nil, `{"messages": [%s], "tools": null, "add_generation_prompt": true}`, strings.Join(messages, ",")))
	if err != nil {
		b.Fatal(err)
	}
	template, err := Parse(chatml, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := template.Render(Context{Variables: v.(*Dict)}); err != nil {
			b.Fatal(err)
		}
	}
}
