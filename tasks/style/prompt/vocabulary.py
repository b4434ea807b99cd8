"""The words for genre, tempo, instruments, vocal and mood in prompts, in English and Chinese.

English words are written in lower case with spaces for hyphens, and match in the plural too. The lists need not be
complete: a missing word costs a line of advice, never more.
"""

from __future__ import annotations

from collections.abc import Mapping


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.replace("\n", " ").split(",") if word.strip())


GENRE = _words("""
    pop, rock, folk, jazz, blues, soul, funk, disco, house, techno, trance, electronic, electronica, edm, dance,
    ambient, hip hop, hiphop, rap, trap, drill, grime, r&b, rnb, rhythm and blues, reggae, reggaeton, dub, dubstep,
    ska, punk, emo, metal, hardcore, grunge, indie, alternative, shoegaze, post rock, prog, progressive, psychedelic,
    country, americana, bluegrass, gospel, worship, latin, salsa, samba, bossa nova, bossa, tango, flamenco, cumbia,
    bachata, mariachi, afrobeat, afrobeats, amapiano, highlife, classical, orchestral, baroque, opera, symphonic,
    cinematic, soundtrack, film score, musical, chanson, ballad, lullaby, hymn, march, waltz, polka, swing, big band,
    ragtime, bebop, fusion, lo fi, lofi, chillout, chillwave, downtempo, trip hop, synthwave, vaporwave, synthpop,
    electropop, hyperpop, new wave, drum and bass, drum n bass, drum & bass, dnb, jungle, breakbeat, garage,
    hardstyle, eurodance, industrial, gothic, singer songwriter, acoustic, unplugged, world music, celtic, klezmer,
    fado, k pop, kpop, j pop, jpop, c pop, cpop, cantopop, mandopop, city pop, enka, bollywood, anime, chiptune,
    new age, easy listening, neo soul, motown, doo wop, rockabilly, surf, noise, experimental, minimal, schlager,
    流行, 摇滚, 民谣, 爵士, 蓝调, 布鲁斯, 灵魂乐, 放克, 迪斯科, 电子, 舞曲, 嘻哈, 说唱, 雷鬼, 朋克, 金属, 独立, 乡村,
    福音, 拉丁, 古典, 交响, 管弦, 配乐, 歌剧, 抒情, 古风, 国风, 中国风, 民族, 戏曲, 京剧, 轻音乐, 氛围, 后摇,
    城市流行, 浩室, 粤语歌, 华语, 儿歌, 摇篮曲, 圆舞曲, 探戈, 桑巴, 波萨诺瓦, 世界音乐, 史诗, 军歌, 蒸汽波, 陷阱
""")

TEMPO = _words("""
    slow, slower, fast, faster, quick, rapid, moderate, mid tempo, midtempo, medium tempo, up tempo, uptempo,
    down tempo, downtempo, half time, double time, slow tempo, fast tempo, largo, lento, adagio, andante, moderato,
    allegretto, allegro, vivace, presto, brisk, unhurried,
    慢板, 快板, 中板, 行板, 慢速, 中速, 快速, 慢节奏, 快节奏, 节奏慢, 节奏快, 节奏缓慢, 节奏欢快, 缓慢, 舒缓, 慢歌,
    快歌
""")

INSTRUMENTS = _words("""
    piano, rhodes, keyboard, keys, organ, harpsichord, celesta, accordion, harmonica, guitar, ukulele, banjo,
    mandolin, lute, oud, sitar, bouzouki, harp, lyre, zither, kalimba, bass, contrabass, double bass, 808, strings,
    string section, string quartet, violin, viola, cello, fiddle, orchestra, orchestration, flute, piccolo, clarinet,
    oboe, bassoon, saxophone, sax, trumpet, trombone, tuba, french horn, horn, brass, woodwind, recorder, bagpipe,
    whistle, drum, drum kit, drum machine, drumming, percussion, bongo, conga, cajon, tabla, djembe, timpani, cymbal,
    hi hat, snare, tambourine, shaker, claps, handclap, marimba, xylophone, vibraphone, glockenspiel, bells, chime,
    steelpan, steel drum, synth, synthesizer, synthesiser, pad, arpeggio, arpeggiator, sampler, turntable, theremin,
    mellotron, vocoder, pedal steel, lap steel, riff, strumming, fingerpicking, erhu, pipa, guzheng, guqin, dizi,
    suona, xiao, koto, shamisen, shakuhachi, taiko, gamelan, beats,
    钢琴, 键盘, 风琴, 手风琴, 口琴, 吉他, 尤克里里, 贝斯, 低音, 弦乐, 小提琴, 中提琴, 大提琴, 提琴, 竖琴, 管弦乐队,
    长笛, 单簧管, 双簧管, 萨克斯, 小号, 长号, 圆号, 铜管, 木管, 鼓, 打击乐, 合成器, 采样, 二胡, 琵琶, 古筝, 古琴, 笛,
    唢呐, 箫, 扬琴, 马头琴, 木琴, 铃
""")

VOCAL = _words("""
    vocal, vocalist, vocals, voice, voiced, singer, singing, sung, sings, choir, choral, chorus of, duet, a cappella,
    acapella, rap, rapper, rapped, rapping, spoken word, soprano, mezzo, alto, contralto, tenor, baritone, falsetto,
    croon, crooner, belting, whisper, whispered, screaming, growl, female, male, woman, man, girl, boy, women, men,
    frontwoman, frontman, songstress, harmonies, humming, instrumental, no vocals, without vocals, beatbox, yodel,
    女声, 男声, 人声, 童声, 女歌手, 男歌手, 歌手, 演唱, 合唱, 独唱, 对唱, 男女, 嗓音, 声线, 唱腔, 说唱, 假声, 和声,
    哼唱, 女高音, 男高音, 低吟, 纯音乐, 器乐, 无人声, 伴奏
""")

MOOD = _words("""
    happy, sad, joyful, joyous, cheerful, upbeat, uplifting, hopeful, optimistic, bright, sunny, playful, funny, fun,
    carefree, romantic, love, tender, gentle, soft, warm, cozy, cosy, intimate, sentimental, emotional, heartfelt,
    nostalgic, wistful, bittersweet, melancholy, melancholic, sorrowful, mournful, lonely, heartbroken, gloomy, dark,
    moody, brooding, haunting, eerie, mysterious, ominous, tense, suspenseful, angry, aggressive, rebellious, fierce,
    intense, powerful, energetic, driving, exciting, triumphant, heroic, epic, anthemic, majestic, inspirational,
    inspiring, motivational, confident, empowering, sexy, sensual, seductive, sultry, cool, groovy, funky, chill,
    chilled, relaxed, relaxing, laid back, mellow, calm, calming, peaceful, serene, soothing, tranquil, meditative,
    spiritual, dreamy, ethereal, atmospheric, hypnotic, whimsical, quirky, dramatic, passionate, soulful, festive,
    party, celebratory, longing, yearning, somber, sombre, solemn, reflective, contemplative, introspective, raw,
    gritty, lush, airy, cold, bleak, restless, euphoric, blissful, wild, smooth, desperate, vulnerable, defiant,
    lively, vibrant, catchy,
    快乐, 欢快, 开心, 愉快, 喜悦, 悲伤, 忧伤, 伤感, 难过, 忧郁, 孤独, 寂寞, 浪漫, 温柔, 温暖, 甜美, 甜蜜, 治愈, 怀旧,
    思念, 感动, 深情, 激情, 激昂, 热情, 热血, 励志, 振奋, 愤怒, 狂野, 紧张, 神秘, 黑暗, 阴郁, 恐怖, 平静, 宁静, 安静,
    放松, 舒缓, 轻松, 慵懒, 梦幻, 空灵, 迷幻, 史诗, 宏大, 庄严, 活泼, 俏皮, 性感, 酷, 希望, 积极, 阳光, 明亮, 惆怅,
    凄美, 失恋, 感伤, 动感, 优美, 悠扬, 清新, 壮丽
""")

WORDS: Mapping[str, tuple[str, ...]] = {
    "genre": GENRE,
    "tempo": TEMPO,
    "instruments": INSTRUMENTS,
    "vocal": VOCAL,
    "mood": MOOD,
}
"""In the order in which they are reported."""

NO_INSTRUMENTS = _words("drum and bass, drum n bass, drum & bass, bass music, bass house, brass monkey")
"""Styles that are named after instruments without asking for any."""
