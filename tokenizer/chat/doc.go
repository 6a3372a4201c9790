// Package chat writes conversations as the model was trained to read them, by the chat template of its folder.
//
//	t, err := tokenizer.Open(fsys)
//	templates, err := chat.Open(fsys, t)
//	ids, err := templates.Encode([]chat.Message{
//		{Role: "system", Content: "You are brief."},
//		{Role: "user", Content: "Why is the sky blue?"},
//	}, chat.Options{GenerationPrompt: true})
//
// A template is a program in Jinja's language. It comes with the model, so it is not trusted: it sees the messages and
// nothing else, and [Limits] bound what it uses. What it renders is what transformers 5.24 renders, character for
// character.
//
// # Text that is not trusted
//
// A message may spell out a special token, such as <|im_end|>, and would end its turn with it. [Templates.Encode] gives
// such text the ids of plain text, wherever the template moves it: only the template itself writes special tokens, unless
// [Options.SpecialTokens] is set. (transformers: sanitize_control_tokens) [Templates.Render] returns text alone, in which
// nobody can tell them apart.
//
// # Tools
//
// [Tool] describes a function that the model may call: its parameters are a JSON Schema. A call that the model made goes
// back as a [ToolCall] of the assistant's message, with its arguments as an object, and its result as a message of the
// role tool.
//
// Values of this package do not change; several goroutines may use them at once.
package chat
