module github.com/seed2010d43f/transformer

go 1.26.0

require golang.org/x/sys v0.50.0

require (
	github.com/rivo/uniseg v0.4.7
	golang.org/x/image v0.47.0
	golang.org/x/text v0.44.0
)

require (
	github.com/x448/float16 v0.8.4
	gonum.org/v1/gonum v0.17.0
)
