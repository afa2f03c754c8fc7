/// libcurl's options are variadic functions, which Swift cannot call: one typed function per kind of argument.
#ifndef SHIM_CURL_H
#define SHIM_CURL_H
#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

typedef size_t (*odigos_curl_data_callback)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode odigos_curl_set_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}
/// For the options that end in `_LARGE`, whose argument is wider than `long` on some machines.
static inline CURLcode odigos_curl_set_offset(CURL *handle, CURLoption option, long long value) {
  return curl_easy_setopt(handle, option, (curl_off_t)value);
}
static inline CURLcode odigos_curl_set_string(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode odigos_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode odigos_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *list) {
  return curl_easy_setopt(handle, option, list);
}
/// libcurl copies the bytes.
static inline CURLcode odigos_curl_set_blob(CURL *handle, CURLoption option, const void *bytes, size_t length) {
  struct curl_blob blob = {.data = (void *)bytes, .len = length, .flags = CURL_BLOB_COPY};
  return curl_easy_setopt(handle, option, &blob);
}
static inline CURLcode odigos_curl_set_header_callback(CURL *handle, odigos_curl_data_callback callback, void *context) {
  CURLcode code = curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, callback);
  return code != CURLE_OK ? code : curl_easy_setopt(handle, CURLOPT_HEADERDATA, context);
}
static inline CURLcode odigos_curl_set_body_callback(CURL *handle, odigos_curl_data_callback callback, void *context) {
  CURLcode code = curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, callback);
  return code != CURLE_OK ? code : curl_easy_setopt(handle, CURLOPT_WRITEDATA, context);
}
static inline long odigos_curl_status(CURL *handle) {
  long value = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &value);
  return value;
}
/// `errno` of the connect that failed, 0 for none.
static inline long odigos_curl_os_error(CURL *handle) {
  long value = 0;
  curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &value);
  return value;
}
static inline void *odigos_curl_private(CURL *handle) {
  char *value = 0;
  curl_easy_getinfo(handle, CURLINFO_PRIVATE, &value);
  return value;
}
static inline CURLMcode odigos_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
  return curl_multi_setopt(multi, option, value);
}

/// Bytes that the peer's kernel does not acknowledge for 30 s end the connection. libcurl sends no HTTP/2 PING, and
/// without this one dead connection would hold up every later request on it for the kernel's 15 minutes.
static inline int odigos_curl_tune_socket(void *context, curl_socket_t socket, curlsocktype purpose) {
  (void)context;
  (void)purpose;
  unsigned int milliseconds = 30000;
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
  return CURL_SOCKOPT_OK;
}
/// Closed on exec: else a program that this process starts keeps connections open that have been closed here.
static inline curl_socket_t odigos_curl_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
  (void)context;
  (void)purpose;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}
static inline CURLcode odigos_curl_tune_sockets(CURL *handle) {
  CURLcode code = curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, odigos_curl_open_socket);
  return code != CURLE_OK ? code : curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, odigos_curl_tune_socket);
}
#endif
