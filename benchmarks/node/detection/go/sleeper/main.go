// A Go program that does nothing, to be detected.
package main

import "time"

func main() { time.Sleep(24 * time.Hour) }
