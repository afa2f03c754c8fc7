// Package serving is what the webhooks in Go share: net/http over TLS with HTTP/2, and a bound on the body.
package serving

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"io"
	"log"
	"math/big"
	"net/http"
	"strconv"
	"time"
)

// The largest body, as controller-runtime's webhooks have it.
const maximumBody = 7 << 20

// Run serves until the process ends; answer makes the body of an answer from that of a request.
func Run(answer func(body []byte) ([]byte, error)) {
	address := flag.String("address", "127.0.0.1:19444", "where to listen")
	flag.Parse()
	http.HandleFunc("/mutate--v1-pod", func(writer http.ResponseWriter, request *http.Request) {
		body, err := read(writer, request)
		if err != nil {
			http.Error(writer, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		response, err := answer(body)
		if err != nil {
			http.Error(writer, err.Error(), http.StatusBadRequest)
			return
		}
		writer.Header().Set("Content-Type", "application/json")
		writer.Header().Set("Content-Length", strconv.Itoa(len(response)))
		if _, err := writer.Write(response); err != nil {
			log.Print(err)
		}
	})
	server := &http.Server{
		Addr: *address, ReadHeaderTimeout: 15 * time.Second,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate()}},
	}
	log.Fatal(server.ListenAndServeTLS("", ""))
}

// read takes the body into a buffer of the announced length, so that it need not grow.
func read(writer http.ResponseWriter, request *http.Request) ([]byte, error) {
	limited := http.MaxBytesReader(writer, request.Body, maximumBody)
	if length := request.ContentLength; length > 0 && length <= maximumBody {
		body := make([]byte, length)
		_, err := io.ReadFull(limited, body)
		return body, err
	}
	return io.ReadAll(limited)
}

func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now(), NotAfter: time.Now().AddDate(0, 0, 7),
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		log.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}
