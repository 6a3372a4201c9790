// Package cost counts.
package cost
