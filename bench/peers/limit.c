/* The limit: the least that a server of this protocol can do on one epoll loop.
 *
 * It speaks the same framing and as much of the JSON as the harness sends: hello, join, post.
 * It checks nothing, keeps nothing, limits nothing, and knows no slow readers but those whose
 * socket is full. In a tick it reads everybody who has something, gathers what each room is to
 * be told, and sends each member its replies and the room's messages in one call. What a chat
 * server costs beyond this is what it does for its users.
 *
 *     limit PORT     0: any; "limit ready native=127.0.0.1:PORT" on stdout once it listens
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 1024, RECEIVE = 65536, BACKLOG = 4096, BUCKETS = 16384 };

typedef struct {
    char *data;
    size_t size, room;
} Buffer;

typedef struct Room Room;

typedef struct {
    int fd;
    int waits;      /* EPOLLOUT is registered */
    Room *room;
    Buffer in, out; /* an unfinished frame; replies, and what the socket would not take */
    char name[36];
} Client;

struct Room {
    Room *next, *next_dirty;
    long seq;
    Client **members;
    size_t count, capacity;
    Buffer news; /* of this tick; with any the room is in the list of the dirty ones */
    char name[72];
};

static int epoll_fd;
static Room *rooms[BUCKETS];
static Room *dirty_rooms;
static long long wall;
static const Buffer nothing;

static char *reserve(Buffer *buffer, size_t size)
{
    if (buffer->size + size > buffer->room) {
        buffer->room = (buffer->size + size) * 2;
        buffer->data = realloc(buffer->data, buffer->room);
        if (!buffer->data)
            abort();
    }
    return buffer->data + buffer->size;
}

static void append(Buffer *buffer, const void *data, size_t size)
{
    memcpy(reserve(buffer, size), data, size);
    buffer->size += size;
}

static void release(Buffer *buffer)
{
    free(buffer->data);
    memset(buffer, 0, sizeof *buffer);
}

/* A frame by printf; the format gives the payload. */
__attribute__((format(printf, 2, 3)))
static void tell(Buffer *buffer, const char *format, ...)
{
    static char payload[RECEIVE];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(payload, sizeof payload, format, arguments);
    va_end(arguments);
    uint32_t length = htonl((uint32_t)size);
    append(buffer, &length, sizeof length);
    append(buffer, payload, (size_t)size);
}

/* The value of a string field, as it stands in the JSON; escapes stay what they are. */
static int field(const char *json, size_t size, const char *key, const char **value)
{
    char quoted[16];
    int length = snprintf(quoted, sizeof quoted, "\"%s\":\"", key);
    const char *start = memmem(json, size, quoted, (size_t)length);
    *value = "";
    if (!start)
        return 0;
    *value = start += length;
    const char *end = memchr(start, '"', size - (size_t)(start - json));
    return end ? (int)(end - start) : 0;
}

static Room *room_of(const char *name, int length)
{
    unsigned long hash = 5381;
    for (int i = 0; i < length; i++)
        hash = hash * 33 ^ (unsigned char)name[i];
    Room **place = &rooms[hash % BUCKETS];
    for (Room *room = *place; room; room = room->next)
        if (!strncmp(room->name, name, (size_t)length) && !room->name[length])
            return room;
    Room *room = calloc(1, sizeof *room);
    if (!room)
        abort();
    snprintf(room->name, sizeof room->name, "%.*s", length, name);
    room->next = *place;
    return *place = room;
}

static void on_hello(Client *client, const char *json, size_t size)
{
    const char *name;
    int length = field(json, size, "name", &name);
    snprintf(client->name, sizeof client->name, "%.*s", length, name);
    tell(&client->out,
         "{\"type\":\"welcome\",\"version\":1,\"server\":\"limit\",\"name\":\"%s\","
         "\"session\":\"s\",\"token\":\"t\",\"epoch\":\"e\",\"heartbeat\":3600,\"limits\":{},"
         "\"talks\":[]}", client->name);
}

static void on_join(Client *client, const char *json, size_t size)
{
    const char *name;
    int length = field(json, size, "room", &name);
    Room *room = client->room = room_of(name, length);
    if (room->count == room->capacity) {
        room->capacity = room->capacity * 2 + 16;
        room->members = realloc(room->members, room->capacity * sizeof *room->members);
        if (!room->members)
            abort();
    }
    room->members[room->count++] = client;
    tell(&client->out,
         "{\"type\":\"joined\",\"room\":\"%s\",\"epoch\":\"e\",\"head\":%ld,\"first\":1,"
         "\"count\":%zu,\"members\":null,\"topic\":\"\"}", room->name, room->seq, room->count);
}

static void on_post(Client *client, const char *json, size_t size)
{
    const char *text, *id;
    int text_length = field(json, size, "text", &text);
    int id_length = field(json, size, "id", &id);
    Room *room = client->room;
    if (!room->news.size) {
        room->next_dirty = dirty_rooms;
        dirty_rooms = room;
    }
    room->seq++;
    tell(&client->out,
         "{\"type\":\"accepted\",\"id\":\"%.*s\",\"room\":\"%s\",\"seq\":%ld,\"time\":%lld}",
         id_length, id, room->name, room->seq, wall);
    tell(&room->news,
         "{\"type\":\"message\",\"room\":\"%s\",\"seq\":%ld,\"time\":%lld,\"from\":\"%s\","
         "\"text\":\"%.*s\",\"id\":\"%.*s\"}",
         room->name, room->seq, wall, client->name, text_length, text, id_length, id);
}

static void serve(Client *client, const char *json, size_t size)
{
    const char *type;
    int length = field(json, size, "type", &type);
    if (length == 4 && !memcmp(type, "post", 4) && client->room)
        on_post(client, json, size);
    else if (length == 4 && !memcmp(type, "join", 4))
        on_join(client, json, size);
    else if (length == 5 && !memcmp(type, "hello", 5))
        on_hello(client, json, size);
}

static void leave(Client *client)
{
    Room *room = client->room;
    for (size_t i = 0; room && i < room->count; i++)
        if (room->members[i] == client) {
            room->members[i] = room->members[--room->count];
            break;
        }
    close(client->fd);
    release(&client->in);
    release(&client->out);
    free(client);
}

/* 0: the client has left. */
static int receive(Client *client)
{
    static char shared[RECEIVE];
    char *data = shared;
    ssize_t got = recv(client->fd, shared, sizeof shared, 0);
    if (got < 0 && errno == EAGAIN)
        return 1;
    if (got <= 0) {
        leave(client);
        return 0;
    }
    size_t size = (size_t)got, at = 0;
    if (client->in.size) {
        append(&client->in, shared, size);
        data = client->in.data;
        size = client->in.size;
    }
    while (size - at >= 4) {
        uint32_t length;
        memcpy(&length, data + at, 4);
        length = ntohl(length);
        if (length > size - at - 4)
            break;
        serve(client, data + at + 4, length);
        at += 4 + length;
    }
    if (at == size)
        release(&client->in);
    else if (client->in.size)
        memmove(data, data + at, client->in.size = size - at);
    else
        append(&client->in, data + at, size - at);
    return 1;
}

static void watch(Client *client, int waits)
{
    if (client->waits == waits)
        return;
    client->waits = waits;
    struct epoll_event event = {.events = EPOLLIN | (waits ? (uint32_t)EPOLLOUT : 0),
                                .data.ptr = client};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
}

/* The one send: what is left over and the replies, then the room's news. */
static void push(Client *client, const Buffer *news)
{
    size_t own = client->out.size, left = own + news->size;
    struct iovec parts[2] = {{client->out.data, own}, {news->data, news->size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent = own ? sendmsg(client->fd, &message, MSG_NOSIGNAL)
                       : send(client->fd, news->data, news->size, MSG_NOSIGNAL);
    left -= sent > 0 ? (size_t)sent : 0;
    if (!left) {
        release(&client->out);
    } else {
        append(&client->out, news->data, news->size);
        memmove(client->out.data, client->out.data + client->out.size - left, left);
        client->out.size = left;
    }
    watch(client, left > 0);
}

static void deliver(struct epoll_event *events, int count)
{
    for (; dirty_rooms; dirty_rooms = dirty_rooms->next_dirty) {
        Room *room = dirty_rooms;
        for (size_t i = 0; i < room->count; i++)
            if (room->members[i]->waits)
                append(&room->members[i]->out, room->news.data, room->news.size);
            else
                push(room->members[i], &room->news);
        room->news.size = 0;
    }
    for (int i = 0; i < count; i++) { /* replies without news of a room */
        Client *client = events[i].data.ptr;
        if (client && client->out.size && !client->waits)
            push(client, &nothing);
    }
}

static void welcome_all(int listener)
{
    int one = 1, fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        Client *client = calloc(1, sizeof *client);
        if (!client)
            abort();
        client->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listen_on(int port)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, BACKLOG) ||
        getsockname(fd, (struct sockaddr *)&address, &size)) {
        perror("limit");
        exit(1);
    }
    printf("limit ready native=127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void read_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    wall = now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    epoll_fd = epoll_create1(0);
    int listener = listen_on(argc > 1 ? atoi(argv[1]) : 0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(epoll_fd, events, EVENTS, -1);
        read_clock();
        for (int i = 0; i < count; i++) {
            Client *client = events[i].data.ptr;
            if (!client)
                welcome_all(listener);
            else if (events[i].events & EPOLLOUT)
                push(client, &nothing);
            if (client && events[i].events & ~(uint32_t)EPOLLOUT && !receive(client))
                events[i].data.ptr = NULL;
        }
        deliver(events, count);
    }
}
