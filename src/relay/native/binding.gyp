{
  'variables': {
    # Others than these are builds of `build.mjs --sanitize`.
    'name%': 'sluice',
    'sanitizers%': '',
  },
  'targets': [{
    'target_name': '<(name)',
    'sources': [
      'addon.cc', 'addon_udp.cc', 'instance.cc', 'engine.cc', 'reactor.cc', 'outbox.cc', 'worker.cc', 'poll.cc', 'busy.cc', 'socket.cc', 'tcp_listener.cc', 'tcp_flow.cc', 'direction.cc', 'pipes.cc', 'pause.cc',
      'udp_plane.cc', 'udp_listener.cc', 'udp_session.cc', 'udp_reactor.cc', 'oneway_socket.cc', 'inbox.cc', 'replies.cc', 'ring.cc', 'send_batch.cc',
      'held_datagrams.cc', 'proxy_header.cc',
    ],
    'defines': ['NAPI_VERSION=9'],
    'cflags!': ['-fno-omit-frame-pointer'],
    'cflags_cc!': ['-fno-exceptions', '-fno-rtti', '-std=gnu++17', '-std=gnu++20'],
    'cflags_cc': [
      '-std=c++20', '-O2', '-g', '-fexceptions', '-Wall', '-Wextra', '-Werror', '-Wshadow', '-Wnon-virtual-dtor', '-fvisibility=hidden',
    ],
    'ldflags': ['-Wl,-z,relro,-z,now,-z,noexecstack'],
    'conditions': [
      ['sanitizers==""', {
        'cflags_cc': ['-D_FORTIFY_SOURCE=2', '-fstack-protector-strong', '-fstack-clash-protection', '-D_GLIBCXX_ASSERTIONS'],
      }, {
        'cflags_cc': ['-fsanitize=<(sanitizers)', '-fno-omit-frame-pointer'],
        # Two copies of what the libraries share would not know of each other's log file.
        'ldflags': ['-fsanitize=<(sanitizers)', '-static-libubsan', '-Wl,--exclude-libs,libubsan.a'],
      }],
    ],
  }],
}
