// Package vision turns pictures into the numbers that a model takes, the same to the byte as the Python that the model
// was trained with.
//
//	m, err := vision.DecodeFile(os.DirFS("."), "cat.jpg", vision.DecodeOptions{Orient: true})
//	p, err := vision.OpenProcessor(os.DirFS("clip-vit-base-patch32"))
//	pixels, err := p.Process(nil, m) // pixels.Data is [3, 224, 224]
//
// # Pictures
//
// [Decode] reads PNG, JPEG, GIF, WebP, BMP and TIFF into an [Image], which holds what Pillow would: the [Mode], the bytes,
// and what is transparent. What the decoders here read otherwise than Pillow is refused by name: HEIC, AVIF, animated
// WebP, CMYK in TIFF. Limits on pixels and bytes guard against files that claim much: see [DecodeOptions].
//
// Cameras store photos lying and say in EXIF data how to turn them. Set DecodeOptions.Orient for photos. transformers and
// OpenCLIP turn nothing, so it is off by default.
//
// # Resizing
//
// [Image.Resize] gives the bytes of Pillow's resize: all filters, to any size, up and down. The sums are integers, so the
// bytes are the same on every machine. [Torchvision] is the other arithmetic in use; it differs by one step of 255 here and
// there. A [Processor] computes only what its crop keeps.
//
// # Processors
//
// A [Processor] is what preprocessor_config.json or open_clip_config.json describe, as plain fields: how to convert to
// RGB, resize, crop, rescale and normalize. [OpenProcessor] reads the file; a program may change the fields, such as Size
// and Crop for a model that takes other sizes.
//
// Three traps, and what a Processor does about them. Transparent pictures: transformers 5 lays them over white, OpenCLIP and
// transformers 4 drop the alpha: see [Conversion]. Pictures that are not RGB: the processors of ViT and DeiT refuse them,
// and so does this package, with [ErrNotRGB]. The order: OpenCLIP resizes before it converts to RGB, which changes
// palettes and transparent edges.
//
// # Many pictures
//
// Images do not change and a Processor is only read, so any number of goroutines may share them. [Processor.ProcessBatch]
// uses all processors. [Processor.Process] with a dst of the right length takes no memory for its result.
package vision
