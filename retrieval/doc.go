// Package retrieval compares vectors, and finds those that are nearest to a query.
//
// [Cosine] compares two embeddings. [MaxSim] compares the many vectors of two texts, as ColBERT has them; [Lexical]
// compares sparse weights of tokens. An [Index] holds vectors and finds the best for any number of queries, by
// comparing each with all of them: exact, and fast to a few millions of vectors.
//
// A [Similarity] is one of four ways to compare, by name. [Ranges] make bytes of the numbers of vectors, and [Binary] makes bits.
//
// The vectors come from anywhere. Package task makes them of texts.
package retrieval
