package chars

const SpaceMark = "▁"

func IsMark(b []byte) bool { return len(b) >= 3 && b[0] == 0xe2 && b[1] == 0x96 && b[2] == 0x81 }
