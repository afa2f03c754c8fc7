#ifndef SHIM_CURL_H
#define SHIM_CURL_H
#include <curl/curl.h>
#endif
