/* A process of a container to look at: it maps the libraries of a directory, as interpreters do, and waits.
   usage: process DIRECTORY COUNT */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  DIR *directory = opendir(argv[1]);
  if (!directory) return 1;
  int wanted = atoi(argv[2]);
  struct dirent *entry;
  while (wanted > 0 && (entry = readdir(directory))) {
    if (!strstr(entry->d_name, ".so")) continue;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
    int file = open(path, O_RDONLY);
    if (file < 0) continue;
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) != MAP_FAILED) wanted--;
    close(file);
  }
  closedir(directory);
  for (;;) pause();
}
