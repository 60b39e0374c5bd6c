package wire

import (
	"math"
	"strconv"
)

// Whole says what a number that is written in decimal is as a whole number.
type Whole uint8

// The answers of Integer.
const (
	Exact    Whole = iota // it is that number, exactly
	Fraction              // it is not whole
	TooLow                // whole, but below -2⁶³
	TooHigh               // whole, but above 2⁶³−1
)

// Integer reads the text of a valid JSON number that may be written with a fraction or an exponent: 5, 5.0 and 50e-1 are all 5,
// without the detour over a float, in which large numbers would be rounded.
func Integer(text string) (int64, Whole) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, Exact
	}
	d := readDecimal(text)
	if len(d.digits) == 0 {
		return 0, Exact
	}
	if d.point < len(d.digits) { // digits end with one that is not 0, so something stands behind the point
		return 0, Fraction
	}
	const most = 19 // digits of 2⁶³
	over := TooHigh
	if d.negative {
		over = TooLow
	}
	if d.point > most {
		return 0, over
	}
	var n uint64
	for i := range d.point {
		n *= 10
		if i < len(d.digits) {
			n += uint64(d.digits[i] - '0')
		}
	}
	switch {
	case d.negative && n <= 1<<63:
		return int64(-n), Exact
	case !d.negative && n <= math.MaxInt64:
		return int64(n), Exact
	}
	return 0, over
}

// decimal is 0.digits × 10^point, digits without zeros at either end.
type decimal struct {
	digits   []byte
	point    int
	negative bool
}

func readDecimal(text string) decimal {
	var d decimal
	i := 0
	if i < len(text) && (text[i] == '-' || text[i] == '+') {
		d.negative = text[i] == '-'
		i++
	}
	fraction := false
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '.':
			fraction = true
			continue
		case c == 'e' || c == 'E':
			d.point = addClamped(d.point, exponent(text[i+1:]))
			i = len(text)
			continue
		case c == '0' && len(d.digits) == 0: // a leading zero only moves the point
			if fraction {
				d.point--
			}
			continue
		default:
			d.digits = append(d.digits, c)
		}
		if !fraction {
			d.point++
		}
	}
	for len(d.digits) > 0 && d.digits[len(d.digits)-1] == '0' {
		d.digits = d.digits[:len(d.digits)-1]
	}
	return d
}

const clamp = 1 << 30 // far beyond any number that is taken, far from overflow

func exponent(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil && len(s) > 0 && s[0] == '-' {
		return -clamp
	} else if err != nil {
		return clamp
	}
	return max(-clamp, min(clamp, n))
}

func addClamped(a, b int) int { return max(-clamp, min(clamp, a+b)) }
