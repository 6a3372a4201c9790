// Package chat writes conversations as the model was trained to read them, by the chat template of its folder.
//
//	templates, err := d.ChatTemplates() // of a model.Decoder, or: chat.Open(fsys, tokenizer)
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
// # Answers
//
// Models mark their thoughts and calls in about twenty ways. [Templates.Format] knows which, from the template, and a
// [Reader] tells content, thoughts and calls apart as the answer comes:
//
//	format, err := templates.Format("")
//	r := format.NewReader(prompt, tools)
//	for _, p := range r.Write(piece) { … } // p.Content, p.Reasoning or p.Call
//	for _, p := range r.Close() { … }
//
// It needs the text of special tokens: decode with them. Read are the forms of Hermes and Qwen (JSON, and tags for each
// parameter), LLaMA 3, Mistral, gpt-oss, DeepSeek R1 to V4, GLM, Kimi K2 and K3, MiniMax M2, LFM2, Gemma 4, Granite,
// Cohere, Nemotron, Apertus, GigaChat 3.1, MiniCPM, Hy3, Seed-OSS and models that use one of these. With other models a
// call stays content.
//
// Templates and a Format do not change; several goroutines may use them at once.
package chat
