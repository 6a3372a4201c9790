//go:build ignore

package main

import ("os";"fmt";"path/filepath";"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf")
func main(){
 f,err:=gguf.Open(os.DirFS(filepath.Dir(os.Args[1])),filepath.Base(os.Args[1])); if err!=nil{panic(err)}
 w,_:=os.Create(os.Args[2]); if err:=gguf.Write(w,f.Metadata(),f);err!=nil{panic(err)}; w.Close()
 n:=0; for range f.Names(){n++}
 fmt.Println(f.Parts(),n,len(f.Metadata().Keys()))
}
