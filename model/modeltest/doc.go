// Package modeltest checks that a model, or an operation, keeps the promises that this library makes for its own:
// a text's numbers are the same bits however it is fed, whatever runs beside it, on any number of processors, and
// after any fork or going back. It is for the tests of those who add a family or an operation, as testing/fstest
// is for file systems:
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
// The checks change GOMAXPROCS while they run, and put it back: nothing else should compute at the same time. They
// do not know what the numbers should be; golden files of the reference say that.
package modeltest
