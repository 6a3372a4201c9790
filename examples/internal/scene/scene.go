// Package scene draws pictures: a cat, a dog, a car or a building, on a mat or a road. A [Scene] is made from a seed, which says
// everything that can be seen; the tiny models of the examples were trained on pictures of other seeds. The training script draws the
// same pictures, to the byte: see tiny/train/pictures/scene.py. All arithmetic is that of integers.
package scene

import "image"

// Size is the width and the height of a picture in pixels.
const Size = 128

// A Subject is what a picture shows.
type Subject int

// The subjects.
const (
	Cat Subject = iota
	Dog
	Car
	Building
)

// Subjects are the names of the subjects.
var Subjects = [...]string{"cat", "dog", "car", "building"}

// String returns the name of the subject.
func (s Subject) String() string { return Subjects[s] }

// colours are those of cars and buildings.
var colours = [...]string{"red", "blue", "green", "yellow", "white"}

// Scene is what a picture shows.
type Scene struct {
	Subject  Subject
	Standing bool // said of cats and dogs, which sit otherwise
	Road     bool // it is on a road, or a building by one; otherwise on a mat

	colour int // of a car or a building
	rest   source
}

// New returns the scene of a seed.
func New(seed uint64) Scene {
	r := source(seed)
	s := Scene{Subject: Subject(r.below(4)), colour: r.below(5), Standing: r.below(2) == 1, Road: r.below(2) == 1}
	s.rest = r
	return s
}

// Animal reports whether the scene shows a cat or a dog.
func (s Scene) Animal() bool { return s.Subject <= Dog }

// Caption says what the picture shows: "a cat sitting on a mat", "a red car on a road".
func (s Scene) Caption() string {
	ground := "mat"
	if s.Road {
		ground = "road"
	}
	switch {
	case s.Animal() && s.Standing:
		return "a " + s.Subject.String() + " standing on a " + ground
	case s.Animal():
		return "a " + s.Subject.String() + " sitting on a " + ground
	case s.Subject == Building && s.Road:
		return "a " + colours[s.colour] + " building by a road"
	}
	return "a " + colours[s.colour] + " " + s.Subject.String() + " on a " + ground
}

// Draw draws the picture, Size pixels wide and high.
func (s Scene) Draw() *image.RGBA {
	r, c := s.rest, new(canvas)
	horizon := 0
	if outdoors := s.Road || r.below(2) == 1; outdoors {
		horizon = r.between(900, 1150)
		landscape(c, &r, horizon)
	} else {
		horizon = r.between(900, 1150)
		room(c, &r, horizon)
	}
	p := s.place(c, &r, horizon)
	if r.below(2) == 1 {
		p.side = -1
	}
	switch s.Subject {
	case Car:
		car(p, &r, r.near(paints[s.colour], 14))
	case Building:
		building(p, &r, r.near(paints[s.colour], 14))
	default:
		s.animal(p, &r)
	}
	return c.picture(r.between(212, 268))
}

// place chooses the size of the subject and where it stands, and draws the road or the mat there.
func (s Scene) place(c *canvas, r *source, horizon int) pen {
	var scale, half int
	switch s.Subject {
	case Car:
		scale = r.between(900, 1400)
		half = scale * 530 >> 10
	case Building:
		scale = r.between(700, horizon-80)
		half = scale * 340 >> 10
	default:
		scale = r.between(750, 1150)
		half = scale * 480 >> 10
	}
	x, y := r.between(half+30, width-half-30), 0
	switch {
	case s.Road:
		top := horizon + r.between(20, 120)
		bottom := top + r.between(480, 640)
		road(c, r, top, bottom)
		if y = top + 10; s.Subject != Building {
			y = r.between(top+200, bottom-40)
		}
	case s.Subject == Building:
		y = r.between(horizon+100, 1700)
		mat(c, r, x, y, half)
	default:
		y = r.between(max(horizon+120, scale+40), 1800)
		mat(c, r, x, y, half)
	}
	return pen{c, x, y, scale, 1}
}
