// Package modeltest checks that a model, or an operation, keeps the promises of this library: a text gives
// the same bits however it is split, whatever runs beside it, on any number of processors, and after a fork
// or a rewind. Use it in tests when you add a family or an operation, as testing/fstest is used for file
// systems:
//
//	func TestStableLM(t *testing.T) {
//		d, err := model.OpenDecoder(os.DirFS(dir), model.Options{Families: families})
//		if err != nil {
//			t.Fatal(err)
//		}
//		if err := modeltest.TestDecoder(d, nil); err != nil {
//			t.Error(err)
//		}
//	}
//
// A model with latent attention keeps the promises in one form: open it with Options.LatentForm.
//
// The checks do not know the right numbers; golden files made with transformers say that. They change
// GOMAXPROCS while they run and restore it, so nothing else should compute at the same time.
package modeltest
