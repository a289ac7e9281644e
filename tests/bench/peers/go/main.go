// The counter as most would write it in Go: net/http and go-redis, one transaction a request.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/redis/go-redis/v9"
)

func main() {
	client := redis.NewClient(&redis.Options{Addr: os.Args[2]})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var count int64
		var err error
		switch r.Method {
		case http.MethodPut:
			pipeline := client.TxPipeline()
			own := pipeline.Incr(r.Context(), "c:"+r.URL.Path)
			pipeline.Incr(r.Context(), "total")
			_, err = pipeline.Exec(r.Context())
			count = own.Val()
		case http.MethodGet:
			count, err = client.Get(r.Context(), "c:"+r.URL.Path).Int64()
			if err == redis.Nil {
				err = nil
			}
		default:
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"count": %d}`, count)
	})))
}
