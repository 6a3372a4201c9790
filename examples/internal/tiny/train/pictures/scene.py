"""Pictures drawn by a program: a cat, a dog, a car or a building, on a mat or a road. A seed gives the same picture, to the byte, as package
scene does in Go: all arithmetic is that of integers. Lengths are sixteenths of a pixel; a picture has SIZE pixels on each side."""
import numpy

SIZE, SAMPLES = 128, 2  # SAMPLES points on each side of a pixel are averaged
WIDTH = 16 * SIZE
SUBJECTS, COLOURS = ["cat", "dog", "car", "building"], ["red", "blue", "green", "yellow", "white"]
PAINT = [(205, 45, 40), (45, 85, 200), (40, 150, 70), (235, 195, 40), (235, 235, 235)]
FUR = [(130, 130, 138), (222, 138, 62), (62, 58, 62), (128, 88, 58), (228, 204, 165)]
MAT = [(170, 60, 90), (60, 120, 150), (120, 80, 160), (90, 130, 60), (200, 120, 60), (70, 70, 110)]
WALL = [(232, 222, 200), (205, 220, 225), (225, 205, 205), (200, 215, 190), (215, 210, 230)]
FLOOR = [(150, 110, 75), (175, 150, 120), (110, 100, 100), (140, 125, 140)]
SKY = [(150, 200, 235), (190, 215, 235), (240, 200, 170), (170, 180, 205)]
GRASS = [(120, 170, 90), (150, 175, 100), (200, 185, 130), (105, 145, 95)]
DARK, BLACK, SNOW, GLASS, GREY = (40, 36, 40), (25, 22, 25), (250, 250, 248), (190, 225, 240), (165, 165, 170)


class Source:
    """The random numbers of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014)."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & (1 << 64) - 1
        z = self.state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
        z = (z ^ z >> 27) * 0x94D049BB133111EB & (1 << 64) - 1
        return z ^ z >> 31

    def below(self, n):
        return (self.next() >> 33) % n

    def between(self, low, high):
        return low + self.below(high - low + 1)

    def near(self, colour, most):
        return tuple(min(max(c + self.between(-most, most), 0), 255) for c in colour)

    def pick(self, colours, most):
        return self.near(colours[self.below(len(colours))], most)


class Scene:
    """What a picture shows. Colour is that of a car or a building; standing is said of cats and dogs."""

    def __init__(self, seed):
        r = Source(seed)
        self.subject, self.colour, self.standing, self.road = r.below(4), r.below(5), r.below(2) == 1, r.below(2) == 1
        self.source = r

    def caption(self):
        ground = "road" if self.road else "mat"
        if self.subject < 2:
            return f"a {SUBJECTS[self.subject]} {'standing' if self.standing else 'sitting'} on a {ground}"
        by = "by" if self.subject == 3 and self.road else "on"
        return f"a {COLOURS[self.colour]} {SUBJECTS[self.subject]} {by} a {ground}"

    def draw(self):
        """The picture, uint8 [SIZE, SIZE, 3]. It is the same each time only for a new Scene."""
        r, c = self.source, Canvas()
        outdoors = self.road or r.below(2) == 1
        horizon = r.between(900, 1150)
        (landscape if outdoors else room)(c, r, horizon)
        animal = self.subject < 2
        scale = r.between(750, 1150) if animal else r.between(900, 1400) if self.subject == 2 else r.between(700, horizon - 80)
        half = scale * (480 if animal else 530 if self.subject == 2 else 340) >> 10
        x = r.between(half + 30, WIDTH - half - 30)
        if self.road:
            top = horizon + r.between(20, 120)
            bottom = top + r.between(480, 640)
            road(c, r, top, bottom)
            y = r.between(top + 200, bottom - 40) if self.subject < 3 else top + 10
        else:
            y = r.between(max(horizon + 120, scale + 40), 1800) if self.subject < 3 else r.between(horizon + 100, 1700)
            mat(c, r, x, y, half)
        pen = Pen(c, x, y, scale, -1 if r.below(2) == 1 else 1)
        if animal:
            self.animal(pen, r)
        elif self.subject == 2:
            car(pen, r, r.near(PAINT[self.colour], 14))
        else:
            building(pen, r, r.near(PAINT[self.colour], 14))
        return c.picture(r.between(212, 268))

    def animal(self, pen, r):
        fur, dog = r.pick(FUR, 12), self.subject == 1
        tail, pale = 60 if dog else 38, mix(fur, SNOW, 150)
        if self.standing:
            bend = [(-320, 440), (-430, 560), (-470, 640)] if dog else [(-320, 430), (-450, 520), (-460, 700), (-410, 800)]
            pen.line(bend, tail, fur, DARK)
            for i, at in enumerate((-150, 270, -260, 170)):
                pen.line([(at, 330), (at, 50)], 58 if dog else 44, mix(fur, DARK, 60) if i < 2 else fur, DARK)
            pen.oval(-20, 400, 340, 160 if dog else 145, fur, DARK)
            pen.oval(-40, 325, 220, 60, pale)
            (dog_head if dog else cat_head)(pen.moved(320, 600, 760), r, fur, pale)
            return
        bend = [(190, 90), (330, 110), (400, 210)] if dog else [(180, 60), (380, 80), (450, 230), (380, 390)]
        pen.line(bend, tail, fur, DARK)
        pen.oval(0, 300, 235, 290, fur, DARK)
        pen.oval(0, 300, 120, 200, pale)
        for side in (-1, 1):
            pen.oval(side * 200, 70, 90, 65, fur, DARK)
            pen.oval(side * 75, 50, 70, 50, pale, DARK)
        (dog_head if dog else cat_head)(pen.moved(0, 700, 1024), r, fur, pale)


def cat_head(pen, r, fur, pale):
    eye = r.pick([(150, 200, 70), (235, 190, 60), (110, 190, 210)], 10)
    for side in (-1, 1):
        pen.shape([(side * 245, 40), (side * 235, 330), (side * 40, 170)], fur, DARK)
        pen.shape([(side * 205, 110), (side * 205, 265), (side * 95, 170)], (235, 160, 160))
    pen.oval(0, 0, 255, 205, fur, DARK)
    pen.oval(0, -95, 105, 75, pale)
    for side in (-1, 1):
        pen.oval(side * 105, 40, 58, 58, eye, DARK)
        pen.oval(side * 105, 40, 17, 50, BLACK)
        for end in (-20, -90):
            pen.line([(side * 100, -70), (side * 330, end)], 8, SNOW)
    pen.shape([(-38, -40), (38, -40), (0, -85)], (225, 110, 120), DARK)


def dog_head(pen, r, fur, pale):
    ear = mix(fur, DARK, 110) if fur[0] > 90 else mix(fur, SNOW, 70)
    pen.oval(0, -175, 50, 85, (220, 70, 85), DARK)
    pen.oval(0, 20, 215, 220, fur, DARK)
    for side in (-1, 1):
        pen.oval(side * 235, -10, 75, 205, ear, DARK)
        pen.oval(side * 85, 85, 38, 42, SNOW)
        pen.oval(side * 80, 80, 26, 30, BLACK)
    pen.oval(0, -80, 150, 110, pale, DARK)
    pen.oval(0, -20, 72, 52, BLACK)


def car(pen, r, paint):
    glass = r.near(GLASS, 12)
    pen.shape([(-320, 290), (-210, 500), (160, 500), (310, 290)], paint, DARK)
    pen.shape([(-510, 100), (-515, 270), (-380, 320), (330, 320), (480, 270), (515, 200), (510, 100)], paint, DARK)
    pen.shape([(-250, 320), (-175, 460), (-40, 460), (-40, 320)], glass, DARK)
    pen.shape([(5, 320), (5, 460), (140, 460), (235, 320)], glass, DARK)
    pen.line([(-20, 310), (-20, 130)], 8, mix(paint, DARK, 120))
    pen.oval(485, 225, 30, 40, (255, 240, 160), DARK)
    pen.oval(-495, 235, 22, 40, (190, 40, 40) if paint[1] > 60 else (250, 200, 120), DARK)
    for at in (-290, 290):
        pen.oval(at, 105, 115, 115, BLACK)
        pen.oval(at, 105, 58, 58, GREY)


def building(pen, r, paint):
    half, columns, rows = r.between(220, 320), r.between(2, 4), r.between(3, 5)
    roof, wall = r.below(3), 1000
    if roof > 0:
        wall = 860 if roof == 1 else 960
    pen.shape([(-half, 0), (-half, wall), (half, wall), (half, 0)], paint, DARK)
    if roof == 1:
        pen.shape([(-half - 30, wall), (0, 1024), (half + 30, wall)], mix(paint, DARK, 130), DARK)
    elif roof == 2:
        pen.shape([(-half - 20, wall), (-half - 20, 1020), (half + 20, 1020), (half + 20, wall)], mix(paint, DARK, 90), DARK)
    lit, dim = r.near((250, 235, 170), 5), r.near((95, 115, 140), 12)
    across, up = 2 * half // columns, (wall - 240) // rows
    for row in range(rows):
        for column in range(columns):
            left, low = -half + column * across + across // 4, 220 + row * up + up // 5
            right, high = left + across // 2, low + up * 3 // 5
            pen.shape([(left, low), (left, high), (right, high), (right, low)], lit if r.below(3) == 0 else dim, DARK)
    pen.shape([(-60, 0), (-60, 180), (60, 180), (60, 0)], mix(paint, DARK, 150), DARK)


def landscape(c, r, horizon):
    sky = r.pick(SKY, 12)
    c.box(0, 0, WIDTH, horizon, sky)
    if r.below(2) == 1:
        c.oval(r.between(100, WIDTH - 100), r.between(100, 500), 130, 130, r.near((250, 225, 130), 5))
    for _ in range(r.below(4)):
        x, y, w = r.between(0, WIDTH), r.between(80, 650), r.between(100, 220)
        cloud = mix(sky, SNOW, r.between(100, 220))
        c.oval(x - w, y, w, w * 2 // 5, cloud)
        c.oval(x + w, y, w, w * 2 // 5, cloud)
        c.oval(x, y - w // 4, w, w // 2, cloud)
    grass = r.pick(GRASS, 12)
    for _ in range(r.below(3)):
        c.oval(r.between(0, WIDTH), horizon, r.between(400, 900), r.between(80, 300), mix(grass, sky, r.between(60, 160)))
    c.box(0, horizon, WIDTH, WIDTH, grass)
    for _ in range(r.below(12)):
        x, y = r.between(0, WIDTH), r.between(horizon + 40, WIDTH)
        c.oval(x, y, 14, 14, r.pick([SNOW, (240, 200, 90), (200, 140, 190)], 10))


def room(c, r, horizon):
    wall, floor = r.pick(WALL, 10), r.pick(FLOOR, 12)
    c.box(0, 0, WIDTH, horizon, wall)
    step, shade = r.between(150, 350), mix(wall, SNOW, 90)
    if r.below(2) == 1:
        for x in range(step // 2, WIDTH, step):
            c.box(x, 0, x + step // 3, horizon, shade)
    for _ in range(r.below(4)):
        x, y, w, h = r.between(50, 1750), r.between(60, 400), r.between(90, 260), r.between(90, 260)
        c.box(x - 18, y - 18, x + w + 18, y + h + 18, r.near((120, 90, 60), 20))
        c.box(x, y, x + w, y + h, r.pick([SKY[0], GRASS[0], SNOW, (215, 170, 150)], 20))
    c.box(0, horizon, WIDTH, WIDTH, floor)
    c.box(0, horizon - 30, WIDTH, horizon, mix(wall, DARK, 70))
    step, shade = r.between(120, 300), mix(floor, DARK, 35)
    for y in range(horizon + step, WIDTH, step):
        c.box(0, y, WIDTH, y + 10, shade)


def road(c, r, top, bottom):
    grey, edge, dash = r.between(70, 110), r.between(14, 26), r.between(130, 260)
    c.box(0, top, WIDTH, bottom, r.near((grey, grey, grey + 4), 4))
    c.box(0, top, WIDTH, top + edge, r.near((215, 215, 210), 10))
    c.box(0, bottom - edge, WIDTH, bottom, r.near((215, 215, 210), 10))
    middle, paint = (top + bottom) // 2, r.pick([SNOW, (240, 205, 90)], 8)
    for x in range(-r.below(dash), WIDTH, 2 * dash):
        c.box(x, middle - 14, x + dash, middle + 14, paint)


def mat(c, r, x, y, half):
    cloth, wide, deep = r.pick(MAT, 15), half + r.between(60, 200), r.between(110, 170)
    trim = mix(cloth, SNOW, r.between(110, 190))
    if r.below(2) == 1:
        for grow, colour in ((16, DARK), (0, cloth), (-50, trim), (-80, cloth)):
            c.oval(x, y, wide + grow, deep + grow, colour)
        return
    slant = r.between(60, 140)
    for grow, colour in ((16, DARK), (0, cloth), (-36, trim), (-66, cloth)):
        w, d = wide + grow, deep + grow
        c.shape([(x - w + slant, y - d), (x + w - slant, y - d), (x + w, y + d), (x - w, y + d)], colour)
    for i in range(1, 2 * wide // 120):
        c.line(x - wide + 120 * i, y + deep + 16, x - wide + 120 * i, y + deep + 50, 10, trim)


def mix(a, b, share):
    """share 256ths of b, the rest of a."""
    return tuple((p * (256 - share) + q * share) >> 8 for p, q in zip(a, b))


class Canvas:
    """SAMPLES·SIZE points on each side. A figure covers the points within it and on its edge; a later one hides those before it."""

    def __init__(self):
        self.points = numpy.zeros((SAMPLES * SIZE, SAMPLES * SIZE, 3), numpy.uint8)

    def part(self, left, top, right, bottom):
        """The points from (left, top) to (right, bottom), with where they lie: xs [1, W] and ys [H, 1]."""
        step, most = 16 // SAMPLES, SAMPLES * SIZE
        a, b = (min(max((v + step // 2 - 1) // step, 0), most) for v in (left, top))
        e, f = (min(max((v - step // 2) // step + 1, 0), most) for v in (right, bottom))
        xs, ys = (numpy.arange(*ends, dtype=numpy.int64) * step + step // 2 for ends in ((a, max(a, e)), (b, max(b, f))))
        return self.points[b:max(b, f), a:max(a, e)], xs[None, :], ys[:, None]

    def box(self, left, top, right, bottom, colour):
        self.part(left, top, right, bottom)[0][:] = colour

    def oval(self, x, y, rx, ry, colour):
        points, xs, ys = self.part(x - rx, y - ry, x + rx, y + ry)
        points[((xs - x) * ry) ** 2 + ((ys - y) * rx) ** 2 <= (rx * ry) ** 2] = colour

    def line(self, x0, y0, x1, y1, w, colour):
        """All points at most w from the straight line between two points."""
        points, xs, ys = self.part(min(x0, x1) - w, min(y0, y1) - w, max(x0, x1) + w, max(y0, y1) + w)
        dx, dy = x1 - x0, y1 - y0
        px, py = xs - x0, ys - y0
        along, across, length = px * dx + py * dy, px * dy - py * dx, dx * dx + dy * dy
        within = numpy.where(along <= 0, px * px + py * py <= w * w, numpy.where(
            along >= length, (xs - x1) ** 2 + (ys - y1) ** 2 <= w * w, across * across <= w * w * length))
        points[within] = colour

    def shape(self, corners, colour):
        """A polygon: what lies within an odd number of turns. Here points on an edge may be outside."""
        points, xs, ys = self.part(min(x for x, _ in corners), min(y for _, y in corners), max(x for x, _ in corners), max(y for _, y in corners))
        odd = numpy.zeros(points.shape[:2], bool)
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1]):
            if y0 > y1:
                x0, y0, x1, y1 = x1, y1, x0, y0
            odd ^= (y0 <= ys) & (ys < y1) & ((xs - x0) * (y1 - y0) < (ys - y0) * (x1 - x0))
        points[odd] = colour

    def picture(self, light):
        """The means of the points of each pixel, light 256ths of them."""
        sums = self.points.reshape(SIZE, SAMPLES, SIZE, SAMPLES, 3).astype(numpy.int64).sum((1, 3))
        return numpy.minimum(sums * light // (256 * SAMPLES * SAMPLES), 255).astype(numpy.uint8)


class Pen:
    """Draws in 1024ths of a figure's height, from the middle of its foot, right and up; or left and up."""

    def __init__(self, canvas, x, y, scale, side):
        self.canvas, self.x, self.y, self.scale, self.side = canvas, x, y, scale, side

    def moved(self, x, y, scale):
        at = self.at(x, y)
        return Pen(self.canvas, *at, self.scale * scale >> 10, self.side)

    def at(self, x, y):
        return self.x + self.side * (x * self.scale >> 10), self.y - (y * self.scale >> 10)

    def oval(self, x, y, rx, ry, colour, edge=None):
        (x, y), rx, ry, w = self.at(x, y), rx * self.scale >> 10, ry * self.scale >> 10, 14
        if edge:
            self.canvas.oval(x, y, rx + w, ry + w, edge)
        self.canvas.oval(x, y, rx, ry, colour)

    def line(self, corners, w, colour, edge=None):
        at, w = [self.at(x, y) for x, y in corners], max(w * self.scale >> 10, 5)
        for grow, paint in ((14, edge), (0, colour)):
            if paint:
                for (x0, y0), (x1, y1) in zip(at, at[1:]):
                    self.canvas.line(x0, y0, x1, y1, w + grow, paint)

    def shape(self, corners, colour, edge=None):
        at = [self.at(x, y) for x, y in corners]
        if edge:
            for (x0, y0), (x1, y1) in zip(at, at[1:] + at[:1]):
                self.canvas.line(x0, y0, x1, y1, 14, edge)
        self.canvas.shape(at, colour)


if __name__ == "__main__":
    import hashlib
    digest = hashlib.sha256()
    for seed in [*range(200), *((1 << 64) - 1 - i * i for i in range(20))]:
        scene = Scene(seed)
        digest.update(scene.caption().encode() + scene.draw().tobytes())
    print(digest.hexdigest())  # what package scene's test wants
