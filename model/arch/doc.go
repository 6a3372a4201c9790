// Package arch holds the architectures: models as weights and forward passes, without files or text.
//
// A [Stack] is the common part: blocks and a final norm. A [Trunk] is a Stack with embeddings of words before it. A
// [Decoder] adds a head over the vocabulary. An [Encoder] adds the heads of its task. An [EncoderDecoder] has one of each; the decoder
// attends to the encoder's output. An [ImageEncoder] is a Stack with patches of pictures before it. Package family builds them from checkpoints; a program may also fill their
// fields itself.
//
//	ids ─ Trunk.Embed ─→ x [T, Dim] ─ Stack.Forward ─→ x [len(rows), Dim] ─ Decoder.Logits ─→ [len(rows), V]
//
// A decoder may also have a [Prediction], a layer that predicts one token more: see [Decoder.Predict].
//
// Each step can be called alone. A program can pass in rows instead of word embeddings, and take out the
// hidden states of any rows.
//
// Computing does not change a model: any number of passes may use it at once. After the first pass the fields
// of a model must not change.
package arch
