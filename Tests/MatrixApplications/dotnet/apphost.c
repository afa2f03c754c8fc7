/* Runs NAME.dll, which lies beside the executable NAME, as the hosts of the .NET SDK do: with the hostfxr of DOTNET_ROOT,
   or with that beside the executable when the application brings its own runtime. */
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*start)(int, const char **, const char *host, const char *root, const char *application);

/* The library in the newest directory of host/fxr; there is one version in the images of the tests. */
static int find_library(char *path, const char *root) {
    char directory[PATH_MAX];
    snprintf(directory, sizeof directory, "%.4000s/host/fxr", root);
    DIR *versions = opendir(directory);
    struct dirent *entry;
    while (versions != NULL && (entry = readdir(versions)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, PATH_MAX, "%.3000s/%.1000s/libhostfxr.so", directory, entry->d_name);
        closedir(versions);
        return 1;
    }
    return 0;
}

int main(int count, const char **arguments) {
    char host[PATH_MAX] = "", application[PATH_MAX], path[PATH_MAX], root[PATH_MAX];
    if (readlink("/proc/self/exe", host, sizeof host - 1) < 0) return 1;
    snprintf(application, sizeof application, "%.4000s.dll", host);
    snprintf(root, sizeof root, "%s", host);
    *strrchr(root, '/') = 0;
    snprintf(path, sizeof path, "%.4000s/libhostfxr.so", root);
    if (access(path, R_OK) != 0) {
        snprintf(root, sizeof root, "%.4000s", getenv("DOTNET_ROOT") ? getenv("DOTNET_ROOT") : "/usr/lib/dotnet");
        if (!find_library(path, root)) {
            fprintf(stderr, "%s: there is no hostfxr below %s\n", host, root);
            return 1;
        }
    }
    void *library = dlopen(path, RTLD_NOW);
    start run = library == NULL ? NULL : (start)dlsym(library, "hostfxr_main_startupinfo");
    if (run == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    return run(count, arguments, host, root, application);
}
