// Package retrieval compares vectors and finds those nearest to a query.
//
// [Cosine] compares two embeddings. [MaxSim] compares the many vectors of two texts, as ColBERT does.
// [Lexical] compares sparse weights of tokens. An [Index] holds vectors and finds the best ones for any
// number of queries. It compares each query with every vector: the result is exact, and fast enough for a few
// million vectors.
//
// A [Catalogue] is an index whose vectors have names, and that is kept in a file.
//
// A [Similarity] is one of four ways to compare, by name. [Ranges] turn the numbers of vectors into bytes, [Binary] into bits.
//
// The vectors may come from anywhere. Package task computes them from texts.
package retrieval
