// Package arch has the architectures: models of weights and their forward passes, without files or text.
//
// A [Trunk] is what all have in common: embeddings, blocks, and a norm after the last of them. A [Decoder] adds
// a head over the vocabulary, an [Encoder] the heads of its task, and an [EncoderDecoder] has one of each,
// the decoder attending to what the encoder has read. Package family builds them from checkpoints; a program
// may also fill their fields itself, as the example of [Decoder] does.
//
//	ids ─ Trunk.Embed ─→ x [T, Dim] ─ Trunk.Forward ─→ x [len(rows), Dim] ─ Decoder.Logits ─→ [len(rows), V]
//
// Each step can be called alone: rows in the place of looked-up embeddings go in, hidden states of any rows
// come out. Models are read-only when they compute, so that any number of passes may run at once. Once one has
// run, the fields of a model must not change.
package arch
