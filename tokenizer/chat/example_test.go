package chat_test

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/seed2010d43f/transformer/tokenizer/chat"
)

// A template writes each message between the marks that the model knows.
func ExampleTemplates_Render() {
	templates, err := chat.New(map[string]string{"default": `{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`}, nil, chat.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	text, err := templates.Render([]chat.Message{
		{Role: "system", Content: "You are brief."},
		{Role: "user", Content: "Why is the sky blue?"},
	}, chat.Options{GenerationPrompt: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(text)
	// Output:
	// <|im_start|>system
	// You are brief.<|im_end|>
	// <|im_start|>user
	// Why is the sky blue?<|im_end|>
	// <|im_start|>assistant
}

// A tool is described by a JSON Schema. The call that the model asked for and its result go back as messages.
func ExampleTool() {
	templates, err := chat.New(map[string]string{"default": `{% for t in tools %}{{ t.function | tojson }}
{% endfor %}{% for m in messages %}{{ m.role }}: {{ m.content }}{% for c in m.tool_calls %}call {{ c.function.name }}({{ c.function.arguments | tojson }}){% endfor %}

{% endfor %}`}, nil, chat.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	weather := chat.Tool{Name: "weather", Description: "The weather of a city.",
		Parameters: json.RawMessage(`{"type": "object", "properties": {"city": {"type": "string"}}}`)}
	text, err := templates.Render([]chat.Message{
		{Role: "user", Content: "Is it cold in Oslo?"},
		{Role: "assistant", ToolCalls: []chat.ToolCall{{Name: "weather", Arguments: json.RawMessage(`{"city": "Oslo"}`)}}},
		{Role: "tool", Content: `{"celsius": -3}`},
	}, chat.Options{Tools: []chat.Tool{weather}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(text)
	// Output:
	// {"name": "weather", "description": "The weather of a city.", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
	// user: Is it cold in Oslo?
	// assistant: call weather({"city": "Oslo"})
	// tool: {"celsius": -3}
}
