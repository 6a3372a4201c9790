package scene

func landscape(c *canvas, r *source, horizon int) {
	sky := r.pick(skies[:], 12)
	c.box(0, 0, width, horizon, sky)
	if r.below(2) == 1 {
		c.oval(r.between(100, width-100), r.between(100, 500), 130, 130, r.near(rgb{250, 225, 130}, 5))
	}
	for range r.below(4) {
		x, y, w := r.between(0, width), r.between(80, 650), r.between(100, 220)
		cloud := mix(sky, snow, r.between(100, 220))
		c.oval(x-w, y, w, w*2/5, cloud)
		c.oval(x+w, y, w, w*2/5, cloud)
		c.oval(x, y-w/4, w, w/2, cloud)
	}
	grass := r.pick(meads[:], 12)
	for range r.below(3) {
		c.oval(r.between(0, width), horizon, r.between(400, 900), r.between(80, 300), mix(grass, sky, r.between(60, 160)))
	}
	c.box(0, horizon, width, width, grass)
	for range r.below(12) {
		x, y := r.between(0, width), r.between(horizon+40, width)
		c.oval(x, y, 14, 14, r.pick([]rgb{snow, {240, 200, 90}, {200, 140, 190}}, 10))
	}
}

func room(c *canvas, r *source, horizon int) {
	wall, floor := r.pick(walls[:], 10), r.pick(floors[:], 12)
	c.box(0, 0, width, horizon, wall)
	stripe := r.between(150, 350)
	if r.below(2) == 1 {
		for x := stripe / 2; x < width; x += stripe {
			c.box(x, 0, x+stripe/3, horizon, mix(wall, snow, 90))
		}
	}
	for range r.below(4) {
		x, y, w, h := r.between(50, 1750), r.between(60, 400), r.between(90, 260), r.between(90, 260)
		c.box(x-18, y-18, x+w+18, y+h+18, r.near(rgb{120, 90, 60}, 20))
		c.box(x, y, x+w, y+h, r.pick([]rgb{skies[0], meads[0], snow, {215, 170, 150}}, 20))
	}
	c.box(0, horizon, width, width, floor)
	c.box(0, horizon-30, width, horizon, mix(wall, dark, 70))
	board := r.between(120, 300)
	for y := horizon + board; y < width; y += board {
		c.box(0, y, width, y+10, mix(floor, dark, 35))
	}
}

func road(c *canvas, r *source, top, bottom int) {
	tar, edge, dash := r.between(70, 110), r.between(14, 26), r.between(130, 260)
	c.box(0, top, width, bottom, r.near(rgb{tar, tar, tar + 4}, 4))
	c.box(0, top, width, top+edge, r.near(rgb{215, 215, 210}, 10))
	c.box(0, bottom-edge, width, bottom, r.near(rgb{215, 215, 210}, 10))
	line, paint := (top+bottom)/2, r.pick([]rgb{snow, {240, 205, 90}}, 8)
	for x := -r.below(dash); x < width; x += 2 * dash {
		c.box(x, line-14, x+dash, line+14, paint)
	}
}

// mat draws a mat around (x, y), wider than what lies on it, half to each side.
func mat(c *canvas, r *source, x, y, half int) {
	cloth, wide, deep := r.pick(mats[:], 15), half+r.between(60, 200), r.between(110, 170)
	trim := mix(cloth, snow, r.between(110, 190))
	if r.below(2) == 1 {
		for _, ring := range []struct {
			grow   int
			colour rgb
		}{{16, dark}, {0, cloth}, {-50, trim}, {-80, cloth}} {
			c.oval(x, y, wide+ring.grow, deep+ring.grow, ring.colour)
		}
		return
	}
	slant := r.between(60, 140)
	for _, ring := range []struct {
		grow   int
		colour rgb
	}{{16, dark}, {0, cloth}, {-36, trim}, {-66, cloth}} {
		w, d := wide+ring.grow, deep+ring.grow
		c.shape([]at{{x - w + slant, y - d}, {x + w - slant, y - d}, {x + w, y + d}, {x - w, y + d}}, ring.colour)
	}
	for i := 1; i < 2*wide/120; i++ {
		c.line(x-wide+120*i, y+deep+16, x-wide+120*i, y+deep+50, 10, trim)
	}
}
