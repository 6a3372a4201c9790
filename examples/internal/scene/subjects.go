package scene

func (s Scene) animal(p pen, r *source) {
	fur, dog := r.pick(furs[:], 12), s.Subject == Dog
	tail, leg, high, head, pale := 38, 44, 145, catHead, mix(fur, snow, 150)
	if dog {
		tail, leg, high, head = 60, 58, 160, dogHead
	}
	if s.Standing {
		bend := []at{{-320, 430}, {-450, 520}, {-460, 700}, {-410, 800}}
		if dog {
			bend = []at{{-320, 440}, {-430, 560}, {-470, 640}}
		}
		p.line(tail, fur, dark, bend...)
		shade := mix(fur, dark, 60)
		for i, x := range [...]int{-150, 270, -260, 170} {
			colour := fur
			if i < 2 {
				colour = shade
			}
			p.line(leg, colour, dark, at{x, 330}, at{x, 50})
		}
		p.oval(-20, 400, 340, high, fur, dark)
		p.oval(-40, 325, 220, 60, pale, none)
		head(p.moved(320, 600, 760), r, fur, pale)
		return
	}
	bend := []at{{180, 60}, {380, 80}, {450, 230}, {380, 390}}
	if dog {
		bend = []at{{190, 90}, {330, 110}, {400, 210}}
	}
	p.line(tail, fur, dark, bend...)
	p.oval(0, 300, 235, 290, fur, dark)
	p.oval(0, 300, 120, 200, pale, none)
	for _, side := range sides {
		p.oval(side*200, 70, 90, 65, fur, dark)
		p.oval(side*75, 50, 70, 50, pale, dark)
	}
	head(p.moved(0, 700, 1024), r, fur, pale)
}

var sides = [...]int{-1, 1}

func catHead(p pen, r *source, fur, pale rgb) {
	eye := r.pick([]rgb{{150, 200, 70}, {235, 190, 60}, {110, 190, 210}}, 10)
	for _, side := range sides {
		p.shape(fur, dark, at{side * 245, 40}, at{side * 235, 330}, at{side * 40, 170})
		p.shape(rgb{235, 160, 160}, none, at{side * 205, 110}, at{side * 205, 265}, at{side * 95, 170})
	}
	p.oval(0, 0, 255, 205, fur, dark)
	p.oval(0, -95, 105, 75, pale, none)
	for _, side := range sides {
		p.oval(side*105, 40, 58, 58, eye, dark)
		p.oval(side*105, 40, 17, 50, black, none)
		for _, end := range [...]int{-20, -90} {
			p.line(8, snow, none, at{side * 100, -70}, at{side * 330, end})
		}
	}
	p.shape(rgb{225, 110, 120}, dark, at{-38, -40}, at{38, -40}, at{0, -85})
}

func dogHead(p pen, _ *source, fur, pale rgb) {
	ear := mix(fur, snow, 70)
	if fur[0] > 90 {
		ear = mix(fur, dark, 110)
	}
	p.oval(0, -175, 50, 85, rgb{220, 70, 85}, dark)
	p.oval(0, 20, 215, 220, fur, dark)
	for _, side := range sides {
		p.oval(side*235, -10, 75, 205, ear, dark)
		p.oval(side*85, 85, 38, 42, snow, none)
		p.oval(side*80, 80, 26, 30, black, none)
	}
	p.oval(0, -80, 150, 110, pale, dark)
	p.oval(0, -20, 72, 52, black, none)
}

func car(p pen, r *source, paint rgb) {
	pane := r.near(glass, 12)
	p.shape(paint, dark, at{-320, 290}, at{-210, 500}, at{160, 500}, at{310, 290})
	p.shape(paint, dark, at{-510, 100}, at{-515, 270}, at{-380, 320}, at{330, 320}, at{480, 270}, at{515, 200}, at{510, 100})
	p.shape(pane, dark, at{-250, 320}, at{-175, 460}, at{-40, 460}, at{-40, 320})
	p.shape(pane, dark, at{5, 320}, at{5, 460}, at{140, 460}, at{235, 320})
	p.line(8, mix(paint, dark, 120), none, at{-20, 310}, at{-20, 130})
	p.oval(485, 225, 30, 40, rgb{255, 240, 160}, dark)
	light := rgb{250, 200, 120}
	if paint[1] > 60 {
		light = rgb{190, 40, 40}
	}
	p.oval(-495, 235, 22, 40, light, dark)
	for _, x := range [...]int{-290, 290} {
		p.oval(x, 105, 115, 115, black, none)
		p.oval(x, 105, 58, 58, grey, none)
	}
}

func building(p pen, r *source, paint rgb) {
	half, columns, rows := r.between(220, 320), r.between(2, 4), r.between(3, 5)
	wall := [...]int{1000, 860, 960}
	roof := r.below(3)
	top := wall[roof]
	p.shape(paint, dark, at{-half, 0}, at{-half, top}, at{half, top}, at{half, 0})
	switch roof {
	case 1:
		p.shape(mix(paint, dark, 130), dark, at{-half - 30, top}, at{0, 1024}, at{half + 30, top})
	case 2:
		p.shape(mix(paint, dark, 90), dark, at{-half - 20, top}, at{-half - 20, 1020}, at{half + 20, 1020}, at{half + 20, top})
	}
	lit, dim := r.near(rgb{250, 235, 170}, 5), r.near(rgb{95, 115, 140}, 12)
	across, up := 2*half/columns, (top-240)/rows
	for row := range rows {
		for column := range columns {
			left, low := -half+column*across+across/4, 220+row*up+up/5
			right, high := left+across/2, low+up*3/5
			pane := dim
			if r.below(3) == 0 {
				pane = lit
			}
			p.shape(pane, dark, at{left, low}, at{left, high}, at{right, high}, at{right, low})
		}
	}
	p.shape(mix(paint, dark, 150), dark, at{-60, 0}, at{-60, 180}, at{60, 180}, at{60, 0})
}
